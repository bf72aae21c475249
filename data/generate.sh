#!/bin/sh
# Makes large tables for trying and timing, on stdout:
#
#   sh data/generate.sh numeric ROWS COLUMNS SEED   a real target
#   sh data/generate.sh binary  ROWS COLUMNS SEED   the same columns, target 0/1
#   sh data/generate.sh mixed   ROWS SEED           numbers, strings, dates,
#                                                   missing values, yes/no
#
# The same arguments give the same bytes on every machine and with every awk
# (tried: mawk, gawk, busybox): all arithmetic is on whole numbers below 2^53,
# where doubles are exact, and a number is printed as a whole number divided by
# a power of ten, with at most six digits.  There is no rand(), log() or exp().
#
# Random numbers: two linear congruential generators combined, L'Ecuyer (1988),
# Communications of the ACM 31, 742-749; period 2.3e18.  A draw is cut into two
# whole numbers a, b in [0, 32768); a + b - 32768 is a bell of a kind (a
# triangle), a * b is skewed.
set -eu

usage()
{
    sed -n '4,7s/^#  //p' "$0" >&2
    exit 2
}

whole() # is the argument a whole number of at most nine digits?
{
    case $1 in
    '' | *[!0-9]* | ??????????*) return 1 ;;
    esac
}

[ $# -ge 1 ] || usage
kind=$1
shift
case $kind-$# in
numeric-3 | binary-3)
    rows=$1 columns=$2 seed=$3
    ;;
mixed-2)
    rows=$1 columns=0 seed=$2
    ;;
*) usage ;;
esac
whole "$rows" && whole "$columns" && whole "$seed" || usage
[ "$kind" = mixed ] || [ "$columns" -ge 1 ] || usage

LC_ALL=C exec awk -v kind="$kind" -v rows="$rows" -v columns="$columns" \
    -v seed="$seed" '
# A whole number in [1, 2147483562]; also sets a and b, each in [0, 32768).
function draw(    r)
{
    state1 = (state1 * 40014) % 2147483563
    state2 = (state2 * 40692) % 2147483399
    r = state1 - state2
    if (r < 1)
        r += 2147483562
    a = r % 32768
    b = int(r / 65536)
    return r
}

function bell()
{
    draw()
    return a + b - 32768
}

# One number: its text is returned, and z is set to a whole number with mean
# about 0 and a range of about 32768 to each side, for the target.
function number(kind_of)
{
    draw()
    if (kind_of == 1) {                     # real, symmetric
        z = a + b - 32768
        return z / 10000
    }
    if (kind_of == 2) {                     # real, skewed, positive
        z = int(a * b / 32768) - 8192
        return int(a * b / 65536) / 100
    }
    if (kind_of == 3) {                     # count 0 to 99
        z = int(a * 100 / 32768)
        b = z
        z = z * 328 - 16236
        return b
    }
    z = int((a + b - 32768 + first) / 2)    # goes along with the first column
    return z / 1000
}

# Level of a string column: lower ones are more frequent.
function level(count)
{
    draw()
    return int(int(a * b / 32768) * count / 32768)
}

# What a level adds to the target, in [-100, 100], the same for every seed.
function effect(level_of, count)
{
    return (level_of * 7919 + count * 104729) % 201 - 100
}

function digits(n, width,    text)
{
    text = n ""
    while (length(text) < width)
        text = "0" text
    return text
}

function plain_tables(    i, j, line, text, score, second, third)
{
    informative = columns < 20 ? columns : 20
    line = ""
    for (j = 1; j <= columns; j++) {
        line = line "x" j ","
        if (j <= informative)
            slope[j] = draw() % 7 - 3
    }
    print line "target"
    for (i = 1; i <= rows; i++) {
        line = ""
        score = 0
        for (j = 1; j <= columns; j++) {
            text = number((j - 1) % 4 + 1)
            line = line text ","
            if (j == 1)
                first = z
            else if (j == 2)
                second = z
            else if (j == 3)
                third = z
            if (j <= informative)
                score += slope[j] * z
        }
        score += first
        if (columns >= 3)   # an interaction and a step, for trees
            score += int(first * second / 8192) \
                + (third > 0 ? 15000 : -15000)
        score += 2 * bell()
        if (kind == "binary")
            print line (score > 0 ? 1 : 0)
        else
            print line int(score / 10) / 1000
    }
}

# day[0] to day[1460]: 2020-01-01 to 2023-12-31.
function calendar(    year, month, i, last, n)
{
    split("31 28 31 30 31 30 31 31 30 31 30 31", days, " ")
    n = 0
    for (year = 2020; year <= 2023; year++)
        for (month = 1; month <= 12; month++) {
            last = days[month] + (year == 2020 && month == 2)
            for (i = 1; i <= last; i++) {
                month_of[n] = month
                day[n++] = year "-" digits(month, 2) "-" digits(i, 2)
            }
        }
}

function level_names(    c, l)
{
    split("2 3 5 12 50 200 1000 5000", levels, " ")
    split("member tier region month_plan agent city product customer", \
        names, " ")
    for (c = 1; c <= 8; c++)
        for (l = 0; l < levels[c]; l++)
            name[c, l] = names[c] " " digits(l, length(levels[c] ""))
    name[1, 0] = "no"
    name[1, 1] = "yes"
    name[2, 0] = "low"
    name[2, 1] = "medium"
    name[2, 2] = "high"
    # A few cells need quotes, as in real files.
    for (l = 59; l < 200; l += 80)
        name[6, l] = "\"" name[6, l] ", north\""
}

function mixed_table(    i, j, c, l, line, text, score, second, when)
{
    calendar()
    level_names()
    line = "signup_date"
    for (j = 1; j <= 10; j++)
        line = line ",x" j
    for (c = 1; c <= 8; c++)
        line = line "," names[c]
    print line ",target"
    for (i = 1; i <= rows; i++) {
        when = draw() % 1461
        line = day[when]
        score = (month_of[when] > 9 ? 12000 : -4000) + when * 5
        for (j = 1; j <= 10; j++) {
            text = number((j - 1) % 4 + 1)
            if (j == 1)
                first = z
            else if (j == 2)
                second = z
            if (draw() % 100 < 5) {
                text = ""
                score += j == 5 ? 20000 : 0     # its absence says something
            } else
                score += (j % 4 - 1) * z
            line = line "," text
        }
        score += int(first * second / 8192)
        for (c = 1; c <= 8; c++) {
            l = level(levels[c])
            score += effect(l, levels[c]) * 150
            line = line "," (c == 5 && draw() % 100 < 4 ? "" : name[c, l])
        }
        print line "," (score + 2 * bell() > 20000 ? "yes" : "no")
    }
}

BEGIN {
    rows += 0
    columns += 0
    state1 = (seed * 7919 + 12345) % 2147483562 + 1
    state2 = (seed * 104729 + 67890) % 2147483398 + 1
    for (warm = 0; warm < 20; warm++)
        draw()
    if (kind == "mixed")
        mixed_table()
    else
        plain_tables()
}'
