/*
 * The nearest name by edit distance (optimal string alignment): dynamic
 * programming over three rows of the table
 *
 *     cost[i][j] = distance of the first i bytes of a and the first j of b
 *
 * in fixed memory, as this runs while an error is being reported.
 */
#include "base/nearest.h"

#include <string.h>

#include "mlspec/params.h"

#define LONGEST 120

static char fold(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (char)(c - 'A' + 'a');
    }
    return c == '-' ? '_' : c;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* One row of the table from the two before it. */
static void fill_row(const char *a, int i, const char *b, int b_length,
                     const int *before_last, const int *last, int *row)
{
    int j;

    row[0] = i;
    for (j = 1; j <= b_length; j++) {
        char x = fold(a[i - 1]), y = fold(b[j - 1]);

        row[j] = least(last[j - 1] + (x != y),
                       least(last[j], row[j - 1]) + 1);
        if (i > 1 && j > 1 && x == fold(b[j - 2]) && fold(a[i - 2]) == y) {
            row[j] = least(row[j], before_last[j - 2] + 1);
        }
    }
}

int mls_near(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t longer = a_length > b_length ? a_length : b_length;
    size_t shorter = a_length < b_length ? a_length : b_length;
    int rows[3][LONGEST + 1];
    int i, limit, distance;

    limit = longer < 3 ? 1 : (int)(longer / 3);
    if (longer > LONGEST || longer - shorter > (size_t)limit) {
        return -1;
    }
    for (i = 0; i <= (int)b_length; i++) {
        rows[0][i] = i;
    }
    for (i = 1; i <= (int)a_length; i++) {
        fill_row(a, i, b, (int)b_length, rows[(i + 1) % 3], rows[(i + 2) % 3],
                 rows[i % 3]);
    }
    distance = rows[a_length % 3][b_length];
    return distance > limit || distance >= (int)shorter ? -1 : distance;
}

const char *mls_nearest(const char *word, const char *const *names,
                        int64_t count)
{
    const char *nearest = NULL;
    size_t length = strlen(word);
    int least_distance = 0;
    int64_t i;

    for (i = 0; i < count; i++) {
        int distance = mls_near(word, length, names[i], strlen(names[i]));

        /* Equally near: by name, so that the order does not matter. */
        if (distance >= 0
            && (!nearest || distance < least_distance
                || (distance == least_distance
                    && strcmp(names[i], nearest) < 0))) {
            nearest = names[i];
            least_distance = distance;
        }
    }
    return nearest;
}
