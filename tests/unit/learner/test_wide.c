/*
 * Learners on a dataset whose sparse features stay sparse: the oracle is the
 * same learner on the same table as one dense matrix.
 */
#include "test.h"

#include "unit/learner/cases.h"

enum { ROWS = 420, BLOCK = 150, SPARSE = 230, DENSE = 3 };

/* What the sparse columns hold. */
enum cells { ONES, LEVELS, VALUES };

struct wide {
    struct mls_table table;
    struct mls_dataset sparse, dense;
    double *y, *w;
};

static struct mls_error err;

/* About one cell in 25 of a sparse column; column 7 is 1 everywhere, 8 empty. */
static bool is_set(int64_t i, int64_t j)
{
    return j == 7 || (j != 8 && hashed(i, 100 + j) > 0.92);
}

static double value_at(int64_t i, int64_t j, enum cells cells)
{
    if (j == 7 || cells == ONES)
        return 1;
    return cells == LEVELS ? hashed(j, 7) * 3 : hashed(i, 1000 + j) * 2;
}

static struct mls_column *sparse_column(int64_t first, int64_t rows, int64_t j,
                                        enum cells cells)
{
    struct mls_column *column;
    int64_t count = 0;

    for (int64_t i = 0; i < rows; i++)
        count += is_set(first + i, j);
    column = mls_column_new(MLS_STORE_SPARSE, rows, count, cells != ONES,
                            &err);
    assert_non_null(column);
    count = 0;
    for (int64_t i = 0; i < rows; i++) {
        if (!is_set(first + i, j))
            continue;
        column->sparse.row[count] = (uint16_t)i;
        if (cells != ONES)
            column->sparse.value[count] = value_at(first + i, j, cells);
        count++;
    }
    return column;
}

/* Dense columns stand between sparse ones: 0, 100 and last by name. */
static bool is_dense(int64_t j)
{
    return j == 0 || j == 100 || j == SPARSE + DENSE - 1;
}

static void table_new(struct mls_table *t, enum cells cells)
{
    *t = (struct mls_table){ 0 };
    for (int64_t j = 0; j < SPARSE + DENSE; j++) {
        char name[8];
        struct mls_field field = { .name = name, .kind = MLS_KIND_REAL,
                                   .role = MLS_ROLE_FEATURE };

        snprintf(name, sizeof(name), "f%03d", (int)j);
        assert_true(mls_schema_add(&t->schema, &field, &err));
    }
    for (int64_t first = 0; first < ROWS; first += BLOCK) {
        int64_t rows = ROWS - first < BLOCK ? ROWS - first : BLOCK;
        struct mls_block *block = mls_block_new(rows, SPARSE + DENSE, &err);

        for (int64_t j = 0; j < SPARSE + DENSE; j++) {
            if (!is_dense(j)) {
                block->columns[j] = sparse_column(first, rows, j, cells);
                continue;
            }
            block->columns[j] =
                mls_column_new(MLS_STORE_REAL, rows, 0, false, &err);
            for (int64_t i = 0; i < rows; i++)
                block->columns[j]->real[i] = feature_at(first + i, j % 5);
        }
        assert_true(mls_table_append(t, block, &err));
    }
}

static void wide_new(struct wide *w, enum cells cells, enum mls_task task,
                     int classes, bool weights)
{
    struct mls_target target = { .task = task, .rows = ROWS,
                                 .classes = classes };

    *w = (struct wide){ 0 };
    table_new(&w->table, cells);
    w->y = mls_new(ROWS, sizeof(double), &err);
    w->w = mls_new(ROWS, sizeof(double), &err);
    for (int64_t i = 0; i < ROWS; i++) {
        double s = 2 * hashed(i, 3) + feature_at(i, 0);

        for (int64_t j = 10; j < 20; j++)
            s += is_set(i, j) ? value_at(i, j, cells) : 0;
        w->y[i] = classes == 0 ? s : classes == 2 ? s > 0.3 : (s > 0) + (s > 1);
        w->w[i] = weight_at(i);
    }
    target.y = w->y;
    target.weight = weights ? w->w : NULL;
    assert_true(
        mls_dataset_gather_wide(NULL, &w->table, &target, &w->sparse, &err));
    assert_true(
        mls_dataset_gather(NULL, &w->table, &target, &w->dense, &err));
}

static void wide_clear(struct wide *w)
{
    mls_dataset_clear(&w->sparse);
    mls_dataset_clear(&w->dense);
    mls_table_clear(&w->table);
    mls_free(w->y);
    mls_free(w->w);
}

static void sparse_features_stand_apart(void **state)
{
    struct mls_matrix x;
    struct wide w;

    (void)state;
    for (enum cells cells = ONES; cells <= VALUES; cells++) {
        const struct mls_wide *wide = &w.sparse.wide;

        wide_new(&w, cells, MLS_BINARY, 2, false);
        assert_int_equal(wide->count, SPARSE);
        assert_int_equal(w.sparse.features, SPARSE + DENSE);
        assert_int_equal(w.sparse.x.columns, DENSE);
        assert_int_equal(wide->dense[1], 100);
        assert_int_equal(wide->feature[98], 99);
        assert_int_equal(wide->feature[99], 101);
        assert_true((wide->level == NULL) == (cells == VALUES));
        assert_true((wide->by_row.value == NULL) == (cells != VALUES));
        for (int64_t i = 0; i < ROWS; i++) {
            int64_t at = wide->by_row.offset[i];

            for (int64_t k = 0; k < SPARSE; k++) {
                int64_t j = wide->feature[k];

                if (!is_set(i, j))
                    continue;
                assert_int_equal(wide->by_row.index[at], k);
                assert_true((wide->level ? wide->level[k]
                                         : wide->by_row.value[at])
                            == value_at(i, j, cells));
                at++;
            }
            assert_int_equal(wide->by_row.offset[i + 1], at);
        }
        assert_int_equal(wide->by_row.offset[ROWS],
                         wide->by_feature.offset[SPARSE]);
        assert_true(mls_dataset_densify(NULL, &w.sparse, &x, &err));
        assert_memory_equal(x.data, w.dense.x.data,
                            sizeof(double) * ROWS * (SPARSE + DENSE));
        mls_free(x.data);
        wide_clear(&w);
    }
}

/* Fewer of them, or fuller ones, make one matrix. */
static void a_narrow_table_is_one_matrix(void **state)
{
    const struct mls_target target = { .task = MLS_REGRESSION, .rows = ROWS };
    struct mls_dataset data;
    struct mls_table t;

    (void)state;
    table_new(&t, ONES);
    for (int64_t j = 0; j < DENSE + SPARSE - MLS_WIDE_FEATURES + 10; j++)
        t.schema.fields[j].role = MLS_ROLE_IGNORED;
    assert_true(mls_dataset_gather_wide(NULL, &t, &target, &data, &err));
    assert_int_equal(data.wide.count, 0);
    assert_int_equal(data.x.columns, MLS_WIDE_FEATURES - 10);
    mls_dataset_clear(&data);
    mls_table_clear(&t);
}

static void a_sparse_cell_that_is_not_finite_is_found(void **state)
{
    struct wide w;
    int64_t row;

    (void)state;
    wide_new(&w, VALUES, MLS_BINARY, 2, false);
    assert_true(mls_dataset_need_finite(&w.sparse, &w.table, "x", &err));
    row = w.sparse.wide.by_feature.index[w.sparse.wide.by_feature.offset[50]
                                         + 3];
    w.sparse.wide.by_feature.value[w.sparse.wide.by_feature.offset[50] + 3] =
        INFINITY;
    assert_false(mls_dataset_need_finite(&w.sparse, &w.table, "x", &err));
    assert_int_equal(err.row, row + 1);
    assert_string_equal(err.column, "f051");
    assert_non_null(strstr(err.what, "infinite"));
    wide_clear(&w);
}

static void agree(const struct mls_learner_type *learner, const char *settings,
                  const struct wide *w, double tolerance)
{
    struct mls_model *sparse =
        fit_on(learner, settings, &w->sparse, NULL, NULL, &err);
    struct mls_model *dense =
        fit_on(learner, settings, &w->dense, NULL, NULL, &err);

    assert_non_null(sparse);
    assert_non_null(dense);
    assert_models_near(sparse, dense, tolerance);
    mls_model_free(sparse);
    mls_model_free(dense);
}

static void logistic_ends_where_the_dense_one_does(void **state)
{
    static const char *const settings[] = { "l2=1", "l2=0.02",
                                            "l2=3 intercept=false" };
    struct wide w;

    (void)state;
    for (enum cells cells = ONES; cells <= VALUES; cells++) {
        for (int classes = 2; classes <= 3; classes++) {
            wide_new(&w, cells, classes == 2 ? MLS_BINARY : MLS_MULTICLASS,
                     classes, cells != LEVELS);
            for (int k = 0; k < 3; k++)
                agree(&mls_learner_logistic, settings[k], &w, 1e-10);
            wide_clear(&w);
        }
    }
}

/* The probability of a class less 1 where it is the row's. */
static double residual_of(const struct wide *w, const double *coef,
                          const double *intercept, int outputs, int64_t i,
                          int k)
{
    int64_t features = SPARSE + DENSE;
    double score[3], total = 0;

    for (int c = 0; c < outputs; c++) {
        score[c] = intercept[c];
        for (int64_t j = 0; j < features; j++)
            score[c] += w->dense.x.data[i + j * w->dense.x.stride]
                * coef[j + c * features];
        total += exp(score[c]);
    }
    if (outputs == 1)
        return 1 / (1 + exp(-score[0])) - w->y[i];
    return exp(score[k]) / total - (w->y[i] == k);
}

/* Sums over rows of the residuals with a column, of ones for j < 0. */
static double gradient_of(const struct wide *w, const double *residual,
                          int64_t j)
{
    double sum = 0;

    for (int64_t i = 0; i < ROWS; i++) {
        double x = j < 0 ? 1 : w->dense.x.data[i + j * w->dense.x.stride];

        sum += (w->sparse.target.weight ? w->w[i] : 1) * residual[i] * x;
    }
    return sum;
}

/* The conditions of Karush, Kuhn and Tucker, from the formulas alone: the
 * gradient of loss and l2 is -l1 sign(b) where b is not 0, and within l1 where
 * it is; that of the constant is 0. */
static void check_conditions(const struct wide *w, double l1, double l2,
                             bool constant)
{
    int64_t features = SPARSE + DENSE, zeros = 0;
    int outputs = w->sparse.target.classes == 2 ? 1 : 3;
    char settings[80];
    struct mls_model *model;
    const double *coef, *intercept;
    double *residual = mls_new(ROWS, sizeof(double), &err);

    snprintf(settings, sizeof(settings),
             "l1=%g l2=%g intercept=%s tolerance=1e-11", l1, l2,
             constant ? "true" : "false");
    model = fit_on(&mls_learner_logistic, settings, &w->sparse, NULL, NULL,
                   &err);
    assert_non_null(model);
    coef = array_of(model, "coef");
    intercept = array_of(model, "intercept");
    for (int k = 0; k < outputs; k++) {
        for (int64_t i = 0; i < ROWS; i++)
            residual[i] = residual_of(w, coef, intercept, outputs, i, k);
        assert_near(constant ? gradient_of(w, residual, -1) : intercept[k], 0,
                    1e-8);
        for (int64_t j = 0; j < features; j++) {
            double b = coef[j + k * features];
            double gradient = gradient_of(w, residual, j) + l2 * b;

            zeros += b == 0;
            if (b == 0)
                assert_true(fabs(gradient) <= l1 + 1e-8);
            else
                assert_near(gradient, b > 0 ? -l1 : l1, 1e-8);
        }
    }
    assert_true(zeros > outputs * features / 5);
    mls_free(residual);
    mls_model_free(model);
}

static void sizes_are_penalised_on_sparse_columns(void **state)
{
    struct wide w;

    (void)state;
    for (enum cells cells = ONES; cells <= VALUES; cells++) {
        for (int classes = 2; classes <= 3; classes++) {
            wide_new(&w, cells, classes == 2 ? MLS_BINARY : MLS_MULTICLASS,
                     classes, cells != LEVELS);
            check_conditions(&w, 1, 0, true);
            check_conditions(&w, 0.7, 0.3, true);
            check_conditions(&w, 4, 0, false);
            check_conditions(&w, 1000, 0, true);
            /* The optimum is one, and the dense solver finds it too. */
            agree(&mls_learner_logistic, "l1=0.7 l2=0.3", &w, 1e-7);
            wide_clear(&w);
        }
    }
}

static void check_threads(const char *settings)
{
    for (int classes = 2; classes <= 3; classes++) {
        struct mls_model *first = NULL;
        struct wide w;

        wide_new(&w, VALUES, classes == 2 ? MLS_BINARY : MLS_MULTICLASS,
                 classes, true);
        for (int threads = 1; threads <= 8; threads++) {
            struct mls_dataset data;
            struct mls_model *model;
            struct mls_run run;

            assert_true(mls_run_init(&run, threads, &err));
            assert_true(mls_dataset_gather_wide(&run, &w.table,
                                                &w.sparse.target, &data,
                                                &err));
            model =
                fit_on(&mls_learner_logistic, settings, &data, &run, NULL,
                       &err);
            assert_non_null(model);
            if (first) {
                assert_memory_equal(
                    array_of(model, "coef"), array_of(first, "coef"),
                    (size_t)count_of(first, "coef") * sizeof(double));
                mls_model_free(model);
            } else {
                first = model;
            }
            mls_dataset_clear(&data);
            mls_run_clear(&run);
        }
        mls_model_free(first);
        wide_clear(&w);
    }
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    check_threads("");
    check_threads("l1=0.5");
}

static void check_allocations(const char *settings)
{
    struct wide w;
    int64_t live;
    bool ok = false;

    wide_new(&w, VALUES, MLS_MULTICLASS, 3, true);
    live = mls_memory_live();
    for (int64_t n = 1; !ok; n++) {
        struct mls_dataset data = { 0 };
        struct mls_model *model = NULL;

        mls_memory_fail_at(n);
        if (mls_dataset_gather_wide(NULL, &w.table, &w.sparse.target, &data,
                                    &err))
            model = fit_on(&mls_learner_logistic, settings, &data, NULL, NULL,
                           &err);
        mls_memory_fail_at(0);
        ok = model != NULL;
        assert_true(ok || err.code == MLS_LIMIT);
        mls_model_free(model);
        mls_dataset_clear(&data);
        assert_int_equal(mls_memory_live(), live);
    }
    wide_clear(&w);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    check_allocations("max_iterations=1");
    check_allocations("max_iterations=1 l1=5");
}

static void a_run_that_is_to_stop_does(void **state)
{
    static volatile sig_atomic_t stop = 1;
    struct mls_run run = { .stop = &stop };
    struct wide w;

    (void)state;
    wide_new(&w, ONES, MLS_BINARY, 2, false);
    assert_null(
        fit_on(&mls_learner_logistic, "", &w.sparse, &run, NULL, &err));
    assert_int_equal(err.code, MLS_INTERRUPTED);
    wide_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sparse_features_stand_apart),
        cmocka_unit_test(a_narrow_table_is_one_matrix),
        cmocka_unit_test(a_sparse_cell_that_is_not_finite_is_found),
        cmocka_unit_test(logistic_ends_where_the_dense_one_does),
        cmocka_unit_test(sizes_are_penalised_on_sparse_columns),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(a_run_that_is_to_stop_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
