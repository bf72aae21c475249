#!/usr/bin/env python3
"""Prints src/base/number_powers.c: the leading 128 bits of powers of ten.

    tests/check/number_powers.py > src/base/number_powers.c
    tests/check/number_powers.py --check src/base/number_powers.c

Python's integers are exact, so every entry is floor(10^q * 2^s) with the s that
gives 128 bits; nothing is rounded on the way.
"""
import sys

FIRST, LAST = -342, 324


def leading_bits(q):
    """floor(10^q * 2^s), the s for which it has exactly 128 bits."""
    if q >= 0:
        value = 10 ** q
        shift = value.bit_length() - 128
        return value >> shift if shift > 0 else value << -shift
    divisor = 10 ** -q
    shift = 128 + divisor.bit_length()
    value = (1 << shift) // divisor
    return value >> (value.bit_length() - 128)


def exponent(q):
    """floor(log2(10^q))."""
    if q >= 0:
        return (10 ** q).bit_length() - 1
    return -(10 ** -q - 1).bit_length()


def source():
    lines = [
        "/*",
        " * Made by tests/check/number_powers.py; do not edit.  Row q + %d"
        % -FIRST,
        " * holds the leading 128 bits of 10^q, cut off, high word first.",
        " */",
        '#include "base/number_powers.h"',
        "",
        "const uint64_t",
        "    mls_powers_of_ten[MLS_POWER_LAST - MLS_POWER_FIRST + 1][2] = {",
    ]
    for q in range(FIRST, LAST + 1):
        bits = leading_bits(q)
        assert bits.bit_length() == 128
        # number.c adds 1 to the low word and finds the exponent so.
        assert bits & (2 ** 64 - 1) != 2 ** 64 - 1
        assert exponent(q) == (q * 1741647) >> 19
        lines.append("    { 0x%016X, 0x%016X }, /* %d */"
                     % (bits >> 64, bits & (2 ** 64 - 1), q))
    lines.append("};")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--check"]:
        with open(sys.argv[2], encoding="ascii") as committed:
            sys.exit(0 if committed.read() == source()
                     else sys.argv[2] + " is not what this script makes")
    sys.stdout.write(source())
