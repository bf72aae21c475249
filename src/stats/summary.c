/*
 * Moments, sorting, quantiles.
 *
 * Moments: each chunk gathers the rows that count (neither missing nor of
 * weight 0) by pieces of 256 into a buffer on the stack, where the loops have
 * four fixed lanes and no branches; one pass for the mean, one for powers about
 * it.  What rounding left in the mean is the weighted sum of the differences,
 * and is taken out of mean and powers alike.
 *
 * Sorting: doubles are ordered as integers.  Flipping the sign bit of positive
 * numbers and all bits of negative ones gives keys that ascend as the values
 * do:
 *
 *      -inf ... -1 ... -0, 0 ... 1 ... inf, NaN
 *
 * mls_sort_reals is an introsort on the keys in place: partition without
 * branches (a mispredicted one costs more than the swap), heap sort when the
 * pivots are bad.  mls_order_reals is a radix sort by bytes of (key, position)
 * pairs; bytes that are the same in all keys, as the low ones of small
 * integers, cost nothing.  It is stable by nature, which qsort is not.
 */
#include <assert.h>
#include <math.h>

#include "stats/summary.h"
#include "base/memory.h"
#include "base/reduce.h"

enum {
    CHUNK = 4096, /* rows of a partial result */
    PIECE = 256,  /* rows gathered at a time, a multiple of LANES */
    LANES = 4,
    FEW = 24,    /* elements that insertion sorts faster */
    FEW_QUANTILES = 4, /* are found without sorting all */
    DIGITS = 8,  /* bytes of a key */
    VALUES = 256 /* of a byte */
};

/* ---- Moments ---- */

struct piece {
    double x[PIECE], w[PIECE]; /* filled up with weight 0 to whole lanes */
    int count;
};

/* Gathers from row *row on; false when no row was left that counts. */
static bool gather(const double *x, const double *w, int64_t n, int64_t *row,
                   struct piece *piece)
{
    int64_t i = *row;
    int count = 0;

    for (; i < n && count < PIECE; i++) {
        double weight = w ? w[i] : 1;

        piece->x[count] = x[i];
        piece->w[count] = weight;
        count += (x[i] == x[i]) & (weight != 0);
    }
    *row = i;
    piece->count = count;
    for (; count % LANES != 0; count++) {
        piece->x[count] = piece->x[0];
        piece->w[count] = 0;
    }
    return count > 0;
}

static double fold_lanes(const double lane[LANES])
{
    return (lane[0] + lane[1]) + (lane[2] + lane[3]);
}

static int64_t count_missing(const double *x, const double *w, int64_t n)
{
    int64_t missing = 0;

    for (int64_t i = 0; i < n; i++)
        missing += (x[i] != x[i]) & (!w || w[i] != 0);
    return missing;
}

/* Count, weight, mean and range. */
static void first_pass(const double *x, const double *w, int64_t n,
                       struct mls_moments *out)
{
    double sum[LANES] = { 0 }, weight[LANES] = { 0 };
    struct piece piece;

    for (int64_t row = 0; gather(x, w, n, &row, &piece);) {
        for (int i = 0; i < piece.count; i += LANES) {
            for (int k = 0; k < LANES; k++) {
                sum[k] += piece.w[i + k] * piece.x[i + k];
                weight[k] += piece.w[i + k];
            }
        }
        for (int i = 0; i < piece.count; i++) {
            double value = piece.x[i];

            out->low = value >= out->low ? out->low : value;
            out->high = value <= out->high ? out->high : value;
        }
        out->count += piece.count;
    }
    out->weight = fold_lanes(weight);
    out->mean = fold_lanes(sum) / out->weight;
}

/* Powers about the mean, corrected for what it lacks. */
static void second_pass(const double *x, const double *w, int64_t n,
                        struct mls_moments *out)
{
    double s1[LANES] = { 0 }, s2[LANES] = { 0 }, s3[LANES] = { 0 };
    double mean = out->mean, rest, m2;
    struct piece piece;

    for (int64_t row = 0; gather(x, w, n, &row, &piece);) {
        for (int i = 0; i < piece.count; i += LANES) {
            for (int k = 0; k < LANES; k++) {
                double d = piece.x[i + k] - mean;
                double wd = piece.w[i + k] * d;

                s1[k] += wd;
                s2[k] += wd * d;
                s3[k] += wd * d * d;
            }
        }
    }
    rest = fold_lanes(s1) / out->weight;
    m2 = fold_lanes(s2);
    out->mean = mean + rest;
    out->m3 =
        fold_lanes(s3) - 3 * rest * m2 + 2 * out->weight * rest * rest * rest;
    out->m2 = fmax(m2 - out->weight * rest * rest, 0);
}

void mls_moments_chunk(const double *x, const double *w, int64_t n,
                       struct mls_moments *out)
{
    *out = (struct mls_moments){ .low = NAN, .high = NAN };
    out->missing = count_missing(x, w, n);
    first_pass(x, w, n, out);
    if (out->count == 0)
        out->mean = NAN;
    else if (out->low == out->high)
        out->mean = out->low;
    else
        second_pass(x, w, n, out);
}

/* Pebay (2008), Sandia report SAND2008-6212, equations 2.1 and 2.2 with
 * weights for counts. */
void mls_moments_fold(struct mls_moments *into, const struct mls_moments *from)
{
    struct mls_moments a = *into, b = *from;
    double weight = a.weight + b.weight, delta = b.mean - a.mean;
    double part = b.weight / weight;

    if (a.count == 0 || b.count == 0) {
        *into = a.count == 0 ? b : a;
        into->missing = a.missing + b.missing;
        return;
    }
    into->count = a.count + b.count;
    into->missing = a.missing + b.missing;
    into->weight = weight;
    into->mean = a.mean + delta * part;
    into->m2 = a.m2 + b.m2 + delta * delta * a.weight * part;
    into->m3 = a.m3 + b.m3
               + delta * delta * delta * a.weight * part
                     * ((a.weight - b.weight) / weight)
               + 3 * delta * (a.weight * b.m2 - b.weight * a.m2) / weight;
    into->low = fmin(a.low, b.low);
    into->high = fmax(a.high, b.high);
}

struct column {
    const double *x, *w;
};

static bool map_moments(void *context, int64_t first, int64_t count,
                        void *partial, struct mls_error *err)
{
    const struct column *column = context;

    (void)err;
    mls_moments_chunk(column->x + first, column->w ? column->w + first : NULL,
                      count, partial);
    return true;
}

static void fold_moments(void *context, void *into, const void *from)
{
    (void)context;
    mls_moments_fold(into, from);
}

bool mls_moments(const struct mls_run *run, const double *x, const double *w,
                 int64_t n, struct mls_moments *out, struct mls_error *err)
{
    struct column column = { x, w };
    struct mls_reduce_job job = { .rows = n,
                                  .chunk_rows = CHUNK,
                                  .bytes = sizeof(*out),
                                  .map = map_moments,
                                  .fold = fold_moments,
                                  .context = &column };

    return mls_reduce(run, &job, out, err);
}

double mls_moments_variance(const struct mls_moments *m, double ddof)
{
    return m->weight > ddof ? m->m2 / (m->weight - ddof) : NAN;
}

double mls_moments_skewness(const struct mls_moments *m)
{
    double variance = m->m2 / m->weight;

    return m->m2 > 0 ? m->m3 / m->weight / (variance * sqrt(variance)) : NAN;
}

/* ---- Keys that ascend as the values do ---- */

typedef uint64_t real_key __attribute__((may_alias));

#define SIGN ((uint64_t)1 << 63)

static uint64_t bits_of(double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static uint64_t key_of(double x)
{
    uint64_t bits = bits_of(x);

    if (x != x)
        bits &= ~SIGN; /* a negative NaN, too, comes last */
    return bits & SIGN ? ~bits : bits | SIGN;
}

static double real_of(uint64_t key)
{
    uint64_t bits = key & SIGN ? key & ~SIGN : ~key;
    double x;

    memcpy(&x, &bits, sizeof(x));
    return x;
}

/* ---- Sorting in place ---- */

static void sort_few(real_key *a, int64_t n)
{
    for (int64_t i = 1; i < n; i++) {
        uint64_t key = a[i];
        int64_t j = i;

        for (; j > 0 && a[j - 1] > key; j--)
            a[j] = a[j - 1];
        a[j] = key;
    }
}

static void sift_down(real_key *a, int64_t root, int64_t n)
{
    uint64_t key = a[root];

    for (int64_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && a[child + 1] > a[child])
            child++;
        if (a[child] <= key)
            break;
        a[root] = a[child];
    }
    a[root] = key;
}

static void heap_sort(real_key *a, int64_t n)
{
    for (int64_t i = n / 2 - 1; i >= 0; i--)
        sift_down(a, i, n);
    for (int64_t end = n - 1; end > 0; end--) {
        uint64_t largest = a[0];

        a[0] = a[end];
        a[end] = largest;
        sift_down(a, 0, end);
    }
}

static uint64_t median_of_3(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t low = a < b ? a : b, high = a < b ? b : a;

    return c < low ? low : c > high ? high : c;
}

static uint64_t choose_pivot(const real_key *a, int64_t n)
{
    int64_t step = n / 8;

    if (n < 512)
        return median_of_3(a[0], a[n / 2], a[n - 1]);
    return median_of_3(median_of_3(a[0], a[step], a[2 * step]),
                       median_of_3(a[3 * step], a[4 * step], a[5 * step]),
                       median_of_3(a[6 * step], a[7 * step], a[n - 1]));
}

/* Moves the keys up to limit to the front, without branches; how many. */
static int64_t partition(real_key *a, int64_t n, uint64_t limit)
{
    int64_t front = 0;

    for (int64_t i = 0; i < n; i++) {
        uint64_t key = a[i];

        a[i] = a[front];
        a[front] = key;
        front += key <= limit;
    }
    return front;
}

/* The three parts are below, equal to and above the pivot, so that many equal
 * values cost one pass; the larger rest is looped on, not recursed into. */
static void sort_keys(real_key *a, int64_t n, int depth)
{
    while (n > FEW) {
        uint64_t pivot;
        int64_t upper, below;

        if (depth-- == 0) {
            heap_sort(a, n);
            return;
        }
        pivot = choose_pivot(a, n);
        upper = partition(a, n, pivot);
        below = pivot > 0 ? partition(a, upper, pivot - 1) : 0;
        if (below < n - upper) {
            sort_keys(a, below, depth);
            a += upper;
            n -= upper;
        } else {
            sort_keys(a + upper, n - upper, depth);
            n = below;
        }
    }
    sort_few(a, n);
}

/* Moves the keys so that rank holds what it would if they were sorted, with no
 * larger one before it and no smaller one after.  Hoare (1961), CACM 4, 321. */
static void place_key(real_key *a, int64_t n, int64_t rank, int depth)
{
    while (n > FEW) {
        uint64_t pivot = choose_pivot(a, n);
        int64_t upper, below;

        if (depth-- == 0) {
            heap_sort(a, n);
            return;
        }
        upper = partition(a, n, pivot);
        if (rank >= upper) {
            a += upper;
            n -= upper;
            rank -= upper;
            continue;
        }
        below = pivot > 0 ? partition(a, upper, pivot - 1) : 0;
        if (rank >= below)
            return;
        n = below;
    }
    sort_few(a, n);
}

/* Bad pivots in a row that are suffered. */
static int depth_of(int64_t n)
{
    int depth = 4;

    for (int64_t rest = n; rest > 0; rest /= 2)
        depth += 2;
    return depth;
}

/* The order statistics around some quantiles put in their places; a NaN is no
 * value.  O(n) for each. */
static void place_quantiles(double *x, int64_t n, const double *probabilities,
                            int64_t count)
{
    real_key *keys = (real_key *)x;
    int64_t placed = -1;

    for (int64_t i = 0; i < n; i++)
        keys[i] = key_of(x[i]);
    for (int64_t k = 0; k < count; k++) {
        int64_t low = (int64_t)(probabilities[k] * (double)(n - 1));

        for (int64_t rank = low; rank <= low + 1 && rank < n; rank++) {
            if (rank <= placed)
                continue;
            place_key(keys + placed + 1, n - placed - 1, rank - placed - 1,
                      depth_of(n));
            placed = rank;
        }
    }
    for (int64_t i = 0; i < n; i++)
        x[i] = real_of(keys[i]);
}

void mls_sort_reals(double *x, int64_t n)
{
    real_key *keys = (real_key *)x;

    for (int64_t i = 0; i < n; i++)
        keys[i] = key_of(x[i]);
    sort_keys(keys, n, depth_of(n));
    for (int64_t i = 0; i < n; i++)
        x[i] = real_of(keys[i]);
}

/*
 * By radix: the 32 bits from the highest one in which keys differ, BYTES passes
 * of a byte each; all counts come from one look at the keys, and a pass whose
 * byte is the same in all keys is left out.  What those bits cannot tell apart
 * stands in runs, nearly all of length 1 in real columns, which are sorted as
 * above.  All 64 bits by 11 take 1.7 times as long, by 8 as well.
 */
enum { WINDOW = 32, BYTES = 4, MANY = 4096 };

/* How far down the window of keys lies. */
static int window_shift(const real_key *a, int64_t n)
{
    uint64_t differ = 0;
    int highest = 63;

    for (int64_t i = 1; i < n; i++)
        differ |= a[i] ^ a[0];
    while (highest > WINDOW - 1 && !(differ >> highest & 1))
        highest--;
    return highest - (WINDOW - 1);
}

static void scatter_byte(const real_key *from, real_key *to, int64_t n,
                         int shift, int64_t next[VALUES])
{
    int64_t start = 0;

    for (int v = 0; v < VALUES; v++) {
        int64_t count = next[v];

        next[v] = start;
        start += count;
    }
    for (int64_t i = 0; i < n; i++)
        to[next[from[i] >> shift & (VALUES - 1)]++] = from[i];
}

/* Returns the array that holds the result. */
static real_key *sort_window(real_key *a, real_key *b, int64_t n, int shift)
{
    int64_t counts[BYTES][VALUES] = { { 0 } };

    for (int64_t i = 0; i < n; i++)
        for (int d = 0; d < BYTES; d++)
            counts[d][a[i] >> (shift + 8 * d) & (VALUES - 1)]++;
    for (int d = 0; d < BYTES; d++) {
        real_key *swap = a;
        int at = shift + 8 * d;

        if (counts[d][a[0] >> at & (VALUES - 1)] == n)
            continue;
        scatter_byte(a, b, n, at, counts[d]);
        a = b;
        b = swap;
    }
    return a;
}

/* Sorts the runs of keys that are equal above shift. */
static void sort_runs(real_key *a, int64_t n, int shift)
{
    for (int64_t i = 1; i < n; i++) {
        int64_t first = i - 1;

        if (a[i] >> shift != a[first] >> shift)
            continue;
        while (i < n && a[i] >> shift == a[first] >> shift)
            i++;
        sort_keys(a + first, i - first, depth_of(i - first));
    }
}

void mls_sort_reals_with(double *x, double *room, int64_t n)
{
    real_key *a = (real_key *)x;
    int shift;

    if (n < MANY) {
        mls_sort_reals(x, n);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        a[i] = key_of(x[i]);
    shift = window_shift(a, n);
    a = sort_window(a, (real_key *)room, n, shift);
    if (shift > 0)
        sort_runs(a, n, shift);
    for (int64_t i = 0; i < n; i++)
        x[i] = real_of(a[i]);
}

/* ---- Sorting positions ---- */

struct keyed {
    uint64_t key;
    int64_t at;
};

static void order_few(struct keyed *a, int64_t n)
{
    for (int64_t i = 1; i < n; i++) {
        struct keyed one = a[i];
        int64_t j = i;

        for (; j > 0 && a[j - 1].key > one.key; j--)
            a[j] = a[j - 1];
        a[j] = one;
    }
}

/* One pass a byte, from the lowest; the arrays change places at each.  Returns
 * the one that holds the result. */
static struct keyed *order_by_radix(struct keyed *a, struct keyed *b, int64_t n)
{
    int64_t counts[DIGITS][VALUES] = { { 0 } };

    for (int64_t i = 0; i < n; i++) {
        for (int d = 0; d < DIGITS; d++)
            counts[d][a[i].key >> (8 * d) & 255]++;
    }
    for (int d = 0; d < DIGITS; d++) {
        int64_t *next = counts[d], start = 0;
        struct keyed *swap = a;

        if (next[a[0].key >> (8 * d) & 255] == n)
            continue;
        for (int v = 0; v < VALUES; v++) {
            int64_t count = next[v];

            next[v] = start;
            start += count;
        }
        for (int64_t i = 0; i < n; i++)
            b[next[a[i].key >> (8 * d) & 255]++] = a[i];
        a = b;
        b = swap;
    }
    return a;
}

bool mls_order_reals(const double *x, int64_t n, int64_t *order,
                     struct mls_error *err)
{
    struct keyed *a = mls_new_array(2 * n, sizeof(*a), err), *sorted = a;

    if (!a)
        return false;
    for (int64_t i = 0; i < n; i++) {
        /* Equal values share a key: -0 + 0 is 0, and all NaN are one. */
        a[i].key = x[i] == x[i] ? key_of(x[i] + 0.0) : UINT64_MAX;
        a[i].at = i;
    }
    if (n <= FEW)
        order_few(a, n);
    else
        sorted = order_by_radix(a, a + n, n);
    for (int64_t i = 0; i < n; i++)
        order[i] = sorted[i].at;
    mls_free(a);
    return true;
}

/* ---- Quantiles ---- */

/* From a to b, by the form whose rounding is least at the nearer end, which is
 * numpy's. */
static double between(double a, double b, double part)
{
    if (a == b)
        return a;
    return part < 0.5 ? a + (b - a) * part : b - (b - a) * (1 - part);
}

void mls_quantiles_sorted(const double *sorted, int64_t n,
                          const double *probabilities, int64_t count,
                          double *out)
{
    for (int64_t k = 0; k < count; k++) {
        double at = probabilities[k] * (double)(n - 1);
        int64_t low = (int64_t)at;

        assert(probabilities[k] >= 0 && probabilities[k] <= 1);
        if (n == 0)
            out[k] = NAN;
        else if (low >= n - 1)
            out[k] = sorted[n - 1];
        else
            out[k] = between(sorted[low], sorted[low + 1], at - (double)low);
    }
}

static bool quantiles_of_rows(const double *x, int64_t n,
                              const double *probabilities, int64_t count,
                              double *out, struct mls_error *err)
{
    double *sorted = mls_new_array(n, sizeof(*sorted), err);
    int64_t rows = 0;

    if (!sorted)
        return false;
    for (int64_t i = 0; i < n; i++) {
        sorted[rows] = x[i];
        rows += x[i] == x[i];
    }
    if (count <= FEW_QUANTILES)
        place_quantiles(sorted, rows, probabilities, count);
    else
        mls_sort_reals(sorted, rows);
    mls_quantiles_sorted(sorted, rows, probabilities, count, out);
    mls_free(sorted);
    return true;
}

/* Distinct rows in ascending order, with the weight up to and with each. */
struct multiset {
    double *value, *until;
    int64_t rows;
};

/* The value that covers a position; positions ascend from call to call, and
 * *row with them. */
static double value_at(const struct multiset *m, double position, int64_t *row)
{
    while (*row < m->rows - 1 && !(m->until[*row] > position))
        ++*row;
    return m->value[*row];
}

static double weighted_quantile(const struct multiset *m, double p,
                                int64_t *row)
{
    double weight = m->until[m->rows - 1];
    double at = p * (weight - 1), low = floor(at);
    double first;
    int64_t next;

    if (weight <= 1) {
        /* The first value whose cumulated weight reaches p of the whole. */
        while (*row < m->rows - 1 && m->until[*row] < p * weight)
            ++*row;
        return m->value[*row];
    }
    first = value_at(m, low, row);
    next = *row;
    return at > low ? between(first, value_at(m, low + 1, &next), at - low)
                    : first;
}

static void fill_multiset(struct multiset *m, const double *x, const double *w,
                          const int64_t *order, int64_t n)
{
    double weight = 0;

    for (int64_t k = 0; k < n; k++) {
        int64_t i = order[k];

        if (isnan(x[i]) || w[i] == 0)
            continue;
        weight += w[i];
        m->value[m->rows] = x[i];
        m->until[m->rows++] = weight;
    }
}

static bool quantiles_of_weights(const double *x, const double *w, int64_t n,
                                 const double *probabilities, int64_t count,
                                 double *out, struct mls_error *err)
{
    int64_t *order = mls_new_array(n, sizeof(*order), err), row = 0;
    struct multiset m = { 0 };
    bool ok = order && mls_order_reals(x, n, order, err)
              && (m.value = mls_new_array(n, sizeof(double), err)) != NULL
              && (m.until = mls_new_array(n, sizeof(double), err)) != NULL;

    if (ok)
        fill_multiset(&m, x, w, order, n);
    for (int64_t k = 0; ok && k < count; k++) {
        assert(probabilities[k] >= 0 && probabilities[k] <= 1);
        out[k] =
            m.rows > 0 ? weighted_quantile(&m, probabilities[k], &row) : NAN;
    }
    mls_free(m.until);
    mls_free(m.value);
    mls_free(order);
    return ok;
}

bool mls_quantiles(const double *x, const double *w, int64_t n,
                   const double *probabilities, int64_t count, double *out,
                   struct mls_error *err)
{
    if (w)
        return quantiles_of_weights(x, w, n, probabilities, count, out, err);
    return quantiles_of_rows(x, n, probabilities, count, out, err);
}
