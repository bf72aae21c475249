/*
 * What is a missing cell.
 *
 * The question is asked of every cell of a file, so most answers must cost one
 * look: a table by first byte holds which lengths of token begin with it, and
 * only a cell that could be a token is compared with them.
 */
#include "table/cell.h"

#include "base/text.h"

const char *const mls_missing_tokens[] = {
    "NA",   "N/A",  "n/a",  "#N/A", "#NA",  "<NA>", "NaN", "nan", "NAN",
    "-NaN", "-nan", "null", "NULL", "Null", "None", "?",   NULL
};

struct mls_cell mls_cell_trim(struct mls_cell cell)
{
    while (cell.length > 0
           && (cell.bytes[0] == ' ' || cell.bytes[0] == '\t')) {
        cell.bytes++;
        cell.length--;
    }
    while (cell.length > 0
           && (cell.bytes[cell.length - 1] == ' '
               || cell.bytes[cell.length - 1] == '\t'))
        cell.length--;
    return cell;
}

static uint64_t length_bit(int64_t length)
{
    return 1ULL << (length < 63 ? length : 63);
}

static void note_token(struct mls_missing *missing, const char *token)
{
    missing->lengths[(unsigned char)token[0]] |=
        length_bit((int64_t)strlen(token));
}

bool mls_missing_init(struct mls_missing *missing, const char *na,
                      struct mls_error *err)
{
    *missing = (struct mls_missing){ 0 };
    if (na != NULL && !mls_list_split(na, &missing->added, err))
        return false;
    for (int i = 0; mls_missing_tokens[i] != NULL; i++)
        note_token(missing, mls_missing_tokens[i]);
    for (int64_t i = 0; i < missing->added.count; i++) {
        /* Cells are asked about without their outer spaces. */
        char *token = missing->added.items[i];
        struct mls_cell trimmed =
            mls_cell_trim((struct mls_cell){ token, (int64_t)strlen(token) });

        memmove(token, trimmed.bytes, (size_t)trimmed.length);
        token[trimmed.length] = '\0';
        note_token(missing, token);
    }
    return true;
}

void mls_missing_clear(struct mls_missing *missing)
{
    mls_list_clear(&missing->added);
    *missing = (struct mls_missing){ 0 };
}

static bool equals(const char *token, struct mls_cell cell)
{
    return strlen(token) == (size_t)cell.length
        && memcmp(token, cell.bytes, (size_t)cell.length) == 0;
}

bool mls_missing_is(const struct mls_missing *missing, struct mls_cell cell)
{
    if (cell.length == 0)
        return true;
    if ((missing->lengths[(unsigned char)cell.bytes[0]]
         & length_bit(cell.length)) == 0)
        return false;
    for (int i = 0; mls_missing_tokens[i] != NULL; i++) {
        if (equals(mls_missing_tokens[i], cell))
            return true;
    }
    for (int64_t i = 0; i < missing->added.count; i++) {
        if (equals(missing->added.items[i], cell))
            return true;
    }
    return false;
}
