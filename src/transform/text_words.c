/*
 * See text_words.h.
 *
 * Which characters are letters and what their lower case is comes from tables
 * of our own, since those of the C library follow the locale.  ASCII, Latin-1,
 * Latin Extended-A and B (by pairs), Greek and Cyrillic are put in lower case;
 * of the rest everything counts as a letter but the blocks that hold spaces,
 * punctuation and symbols.  The hash table has open addresses and is at most
 * half full.
 */
#include "transform/text_words.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "table/dictionary.h"

/* ---- characters ---- */

/* Ranges past Latin-1 that hold no letters: first and last. */
static const uint32_t not_letters[][2] = {
    { 0x2c2, 0x2c5 },     { 0x2d2, 0x2df },     { 0x2000, 0x206f },
    { 0x20a0, 0x20cf },   { 0x2190, 0x245f },   { 0x2500, 0x2bff },
    { 0x2e00, 0x2e7f },   { 0x3000, 0x3004 },   { 0x3008, 0x3020 },
    { 0x3030, 0x3030 },   { 0xd800, 0xf8ff },   { 0xfe00, 0xfe6f },
    { 0xfeff, 0xfeff },   { 0xff00, 0xff0f },   { 0xff1a, 0xff20 },
    { 0xff3b, 0xff40 },   { 0xff5b, 0xff65 },   { 0xffe0, 0xffff },
    { 0x1f000, 0x1faff }, { 0xe0000, 0x10ffff },
};

static bool is_word(uint32_t c)
{
    if (c < 0xc0)   /* feminine and masculine ordinal, micro, digits, parts */
        return c == 0xaa || c == 0xb2 || c == 0xb3 || c == 0xb5 || c == 0xb9
            || c == 0xba || (c >= 0xbc && c <= 0xbe);
    if (c == 0xd7 || c == 0xf7)
        return false;
    for (size_t i = 0; i < sizeof not_letters / sizeof *not_letters; i++)
        if (c >= not_letters[i][0] && c <= not_letters[i][1])
            return false;
    return true;
}

/* Upper and lower case side by side: even and odd, or odd and even. */
static bool is_even_pair(uint32_t c)
{
    return (c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177)
        || (c >= 0x1de && c <= 0x1ef) || (c >= 0x1f8 && c <= 0x21f)
        || (c >= 0x222 && c <= 0x233) || (c >= 0x460 && c <= 0x481)
        || (c >= 0x48a && c <= 0x4bf) || (c >= 0x4d0 && c <= 0x52f)
        || (c >= 0x1e00 && c <= 0x1e95) || (c >= 0x1ea0 && c <= 0x1eff);
}

static uint32_t lower(uint32_t c)
{
    if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3ab)
        || (c >= 0x410 && c <= 0x42f))
        return c + 32;
    if (c == 0x130)
        return 'i';
    if (c == 0x178)
        return 0xff;
    if (c >= 0x400 && c <= 0x40f)
        return c + 80;
    if (is_even_pair(c))
        return c | 1;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e)
        || (c >= 0x1cd && c <= 0x1dc) || (c >= 0x4c1 && c <= 0x4ce))
        return c + (c & 1);
    if (c == 0x386)
        return 0x3ac;
    if (c >= 0x388 && c <= 0x38a)
        return c + 37;
    if (c == 0x38c)
        return 0x3cc;
    if (c == 0x38e || c == 0x38f)
        return c + 63;
    return c;
}

/* At most 3 bytes: none of the characters whose case we know needs more, and
 * others are copied as they stand. */
static size_t put(uint32_t c, char *to)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (char)(0xc0 | c >> 6);
        to[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    to[0] = (char)(0xe0 | c >> 12);
    to[1] = (char)(0x80 | (c >> 6 & 0x3f));
    to[2] = (char)(0x80 | (c & 0x3f));
    return 3;
}

/* ---- words ---- */

static bool words_room(struct mls_words *words, size_t length,
                       struct mls_error *err)
{
    int64_t bytes = (int64_t)length + 4;
    int64_t count = (int64_t)length / 3 + 2;    /* two letters and a gap */

    if (bytes > words->byte_capacity) {
        if (!mls_resize(&words->bytes, 2 * bytes, 1, err))
            return false;
        words->byte_capacity = 2 * bytes;
    }
    if (count > words->word_capacity) {
        if (!mls_resize(&words->start, 2 * count, sizeof *words->start, err)
            || !mls_resize(&words->end, 2 * count, sizeof *words->end, err))
            return false;
        words->word_capacity = 2 * count;
    }
    return true;
}

/* One character past ASCII that belongs to a word, in lower case, to to; 0 at
 * anything else, *width receives how many bytes of text it takes. */
static size_t take(const char *text, size_t length, char *to, size_t *width)
{
    uint32_t point;

    *width = 1;
    if ((unsigned char)*text < 0x80)
        return 0;
    *width = mls_utf8_next(text, length, &point);
    if (*width == 0) {
        *width = 1;
        return 0;
    }
    if (!is_word(point))
        return 0;
    if (*width < 4 && lower(point) != point)
        return put(lower(point), to);
    memcpy(to, text, *width);
    return *width;
}

#define DIGITS(c) [c] = c, [c + 1] = c + 1
#define LETTERS(c) [c] = c, [c - 32] = c

/* What an ASCII character is in a word; 0: it is in none. */
static const char ascii[128] = {
    DIGITS('0'), DIGITS('2'), DIGITS('4'), DIGITS('6'), DIGITS('8'),
    LETTERS('a'), LETTERS('b'), LETTERS('c'), LETTERS('d'), LETTERS('e'),
    LETTERS('f'), LETTERS('g'), LETTERS('h'), LETTERS('i'), LETTERS('j'),
    LETTERS('k'), LETTERS('l'), LETTERS('m'), LETTERS('n'), LETTERS('o'),
    LETTERS('p'), LETTERS('q'), LETTERS('r'), LETTERS('s'), LETTERS('t'),
    LETTERS('u'), LETTERS('v'), LETTERS('w'), LETTERS('x'), LETTERS('y'),
    LETTERS('z'), ['_'] = '_'
};

/* ASCII characters of a word from at on, copied to to; how many. */
static size_t take_ascii(const char *text, size_t length, char *to)
{
    size_t n = 0;

    for (; n < length && (unsigned char)text[n] < 128; n++) {
        to[n] = ascii[(unsigned char)text[n]];
        if (!to[n])
            break;
    }
    return n;
}

bool mls_words_split(struct mls_words *words, const char *text, size_t length,
                     struct mls_error *err)
{
    int64_t used = 0, first = 0, letters = 0;

    words->count = 0;
    if (!words_room(words, length, err))
        return false;
    for (size_t at = 0, width; at <= length; at += width) {
        size_t made = take_ascii(text + at, length - at, words->bytes + used);

        used += (int64_t)made;
        letters += (int64_t)made;
        at += made;
        made = 0;
        width = 1;
        if (at < length)
            made = take(text + at, length - at, words->bytes + used, &width);
        if (made > 0) {
            used += (int64_t)made;
            letters++;
            continue;
        }
        if (letters >= 2) {
            words->start[words->count] = first;
            words->end[words->count++] = used;
            words->bytes[used++] = ' ';
            first = used;
        }
        used = first;
        letters = 0;
    }
    return true;
}

void mls_words_clear(struct mls_words *words)
{
    mls_free(words->bytes);
    mls_free(words->start);
    mls_free(words->end);
    *words = (struct mls_words){ 0 };
}

/* ---- terms ---- */

static bool is_term(const struct mls_terms *terms, int64_t number,
                    uint64_t hash, const char *term, size_t length)
{
    int64_t at = terms->offset[number];

    return terms->hash[number] == hash
        && terms->offset[number + 1] - at == (int64_t)length
        && memcmp(terms->bytes + at, term, length) == 0;
}

/* The slot where a term is or would be. */
static int64_t find_slot(const struct mls_terms *terms, uint64_t hash,
                         const char *term, size_t length)
{
    int64_t mask = terms->slot_count - 1, at = (int64_t)(hash & INT64_MAX);

    for (at &= mask; terms->slot[at]; at = (at + 1) & mask)
        if (is_term(terms, terms->slot[at] - 1, hash, term, length))
            break;
    return at;
}

int64_t mls_terms_find(const struct mls_terms *terms, const char *term,
                       size_t length)
{
    if (terms->count == 0)
        return -1;
    return terms->slot[find_slot(terms, mls_bytes_hash(term, length), term,
                                 length)] - 1;
}

static bool more_slots(struct mls_terms *terms, struct mls_error *err)
{
    int64_t count = terms->slot_count ? 2 * terms->slot_count : 256;
    int64_t *slot = mls_new(count, sizeof(*slot), err);

    if (!slot)
        return false;
    for (int64_t i = 0; i < terms->count; i++) {
        int64_t at = (int64_t)(terms->hash[i] & INT64_MAX) & (count - 1);

        while (slot[at])
            at = (at + 1) & (count - 1);
        slot[at] = i + 1;
    }
    mls_free(terms->slot);
    terms->slot = slot;
    terms->slot_count = count;
    return true;
}

static bool terms_room(struct mls_terms *terms, size_t length,
                       struct mls_error *err)
{
    int64_t capacity = terms->capacity ? 2 * terms->capacity : 128;
    int64_t bytes = 2 * (terms->used + (int64_t)length) + 1024;

    if (2 * (terms->count + 1) > terms->slot_count && !more_slots(terms, err))
        return false;
    if (terms->count == terms->capacity) {
        if (!mls_resize(&terms->offset, capacity + 1, sizeof *terms->offset,
                        err)
            || !mls_resize(&terms->hash, capacity, sizeof *terms->hash, err))
            return false;
        terms->capacity = capacity;
        terms->offset[0] = 0;
    }
    if (terms->used + (int64_t)length <= terms->byte_capacity)
        return true;
    if (!mls_resize(&terms->bytes, bytes, 1, err))
        return false;
    terms->byte_capacity = bytes;
    return true;
}

bool mls_terms_add(struct mls_terms *terms, const char *term, size_t length,
                   int64_t *number, struct mls_error *err)
{
    uint64_t hash = mls_bytes_hash(term, length);
    int64_t slot;

    if (!terms_room(terms, length, err))
        return false;
    slot = find_slot(terms, hash, term, length);
    if (!terms->slot[slot]) {
        memcpy(terms->bytes + terms->used, term, length);
        terms->used += (int64_t)length;
        terms->hash[terms->count] = hash;
        terms->offset[++terms->count] = terms->used;
        terms->slot[slot] = terms->count;
    }
    *number = terms->slot[slot] - 1;
    return true;
}

const char *mls_terms_text(const struct mls_terms *terms, int64_t number,
                           size_t *length)
{
    *length = (size_t)(terms->offset[number + 1] - terms->offset[number]);
    return terms->bytes + terms->offset[number];
}

void mls_terms_clear(struct mls_terms *terms)
{
    mls_free(terms->bytes);
    mls_free(terms->offset);
    mls_free(terms->hash);
    mls_free(terms->slot);
    *terms = (struct mls_terms){ 0 };
}
