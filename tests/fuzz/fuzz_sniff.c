/* A dialect for any bytes: complete, what was given kept, the same twice. */
#include <string.h>

#include "fuzz.h"
#include "table/csv_scan.h"

static char one_of(uint8_t byte, const char *set)
{
    return set[byte % (strlen(set) + 1)]; /* its NUL: not given */
}

void fuzz_sniff(const uint8_t *bytes, size_t length)
{
    struct mls_dialect given = { 0 }, found = { 0 }, again = { 0 };
    struct mls_error err = { 0 };

    if (length < 4)
        return;
    given.delimiter = one_of(bytes[0], ",;\t|");
    given.quote = one_of(bytes[1], "\"'");
    given.escape = one_of(bytes[1] >> 2, "\\");
    given.comment = one_of(bytes[2], "#");
    given.no_header = bytes[2] & 128;
    given.decimal = one_of(bytes[3], ".,");
    bytes += 4;
    length -= 4;
    if (!mls_sniff((const char *)bytes, length, &given, NULL, &found, &err)) {
        fuzz_check_error(&err);
        return;
    }
    FUZZ_CHECK(mls_sniff((const char *)bytes, length, &given, NULL, &again,
                         &err), "it fails the second time");
    FUZZ_CHECK(found.delimiter == again.delimiter
               && found.decimal == again.decimal, "it changes its mind");
    FUZZ_CHECK(found.delimiter && found.quote && found.decimal,
               "the dialect is not complete");
    FUZZ_CHECK(!given.delimiter || given.delimiter == found.delimiter,
               "the delimiter was given");
    FUZZ_CHECK(!given.decimal || given.decimal == found.decimal,
               "the decimal was given");
    FUZZ_CHECK(!given.quote || given.quote == found.quote,
               "the quote was given");
}
