#!/bin/sh
# A learner, a step and a metric can each be added as one file and one row:
# this adds a toy of each to a copy of the tree, builds it and uses them.
#   toy.sh SOURCE_DIR
set -eu
source=$1
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -R "$source/CMakeLists.txt" "$source/LICENSE" "$source/src" "$source/include" "$copy"
cd "$copy"

# --- the rows ------------------------------------------------------------
row() { # FILE AFTER NEW
    sed "s/^\( *\)ROW($2)/\1ROW($2) ROW($3)/" "$1" >new
    cmp -s new "$1" && { echo "no row ROW($2) in $1"; exit 1; }
    mv new "$1"
}
row src/learner/learners.h constant toy
row src/transform/transforms.h drop halve
row src/metric/metrics.h r2 toy_count

# --- the files -----------------------------------------------------------
cat >src/learner/toy.c <<'C'
/* Always predicts its one param. */
#include "learner/learners.h"
#include "model/model.h"
#include "table/dataset.h"

struct toy_params { double answer; };

static const struct mls_param params[] = {
    { "answer", .at = offsetof(struct toy_params, answer), .kind = MLS_REAL,
      .def = 42, .low = 1, .high = 50, .help = "what is predicted" },
    { 0 }
};

static struct mls_model *fit(const struct mls_fit_job *job,
                             struct mls_error *err)
{
    const struct toy_params *p = job->params;
    double *coef, *intercept;
    struct mls_model *model = mls_model_linear_new(
        job->data->target.task, 0, job->data->features, &coef, &intercept,
        err);

    if (model)
        intercept[0] = p->answer;
    return model;
}

const struct mls_learner_type mls_learner_toy = {
    .name = "toy", .summary = "always the same answer",
    .source = "no paper at all", .objective = "none: it does not look",
    .tasks = MLS_TASK_REGRESSION, .can = MLS_CAN_WEIGHTS,
    .takes = MLS_TAKES_MATRIX, .steps = "impute onehot",
    .params = params, .params_size = sizeof(struct toy_params), .fit = fit,
};
C
cat >src/transform/halve.c <<'C'
/* Halves numbers. */
#include "transform/transforms.h"

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    (void)step, (void)in, (void)err;
    return true;
}

static bool plan_input(const struct mls_step *step, int64_t k,
                       const struct mls_field *field, struct mls_plan *plan,
                       struct mls_error *err)
{
    struct mls_field made = *field;

    (void)step, (void)k;
    made.kind = MLS_KIND_REAL;
    return mls_plan_make(plan, &made, err);
}

static bool apply(const struct mls_step *step, const struct mls_block *in,
                  struct mls_column **made, struct mls_error *err)
{
    for (int64_t k = 0; k < step->input_count; k++) {
        made[k] = mls_column_new(MLS_STORE_REAL, in->rows, 0, true, err);
        if (!made[k])
            return false;
        mls_column_reals(in->columns[step->input[k]], made[k]->real);
        for (int64_t i = 0; i < in->rows; i++)
            made[k]->real[i] /= 2;
    }
    return true;
}

const struct mls_step_type mls_step_halve = {
    .name = "halve", .family = "halve", .summary = "half of each number",
    .source = "arithmetic", .fits = MLS_KINDS_NUMERIC, .fit = fit,
    .plan_input = plan_input, .apply = apply,
};
C
cat >src/metric/toy_count.c <<'C'
/* How many rows there are. */
#include "metric/metrics.h"

static bool compute(const struct mls_outcome *o, double *value,
                    struct mls_error *err)
{
    (void)err;
    *value = (double)o->n;
    return true;
}

const struct mls_metric_type mls_metric_toy_count = {
    .name = "toy_count", .title = "number of rows", .source = "counting",
    .tasks = MLS_TASK_ANY, .larger_is_better = true,
    .needs = MLS_NEEDS_PREDICTION, .compute = compute,
};
C

# --- built and used ------------------------------------------------------
cmake -G Ninja -B build -DMLS_TESTS=OFF -DCMAKE_BUILD_TYPE=Debug >/dev/null
cmake --build build --target mlspec >build.log 2>&1 || { cat build.log; exit 1; }
mlspec=build/mlspec

printf 'x,c,y\n1,a,10\n2,b,20\n3,a,30.5\n4,b,41\n' >t.csv
$mlspec train -q t.csv -t y --learner toy --answer 7 --halve halve -o m.mlspec
$mlspec predict -q -m m.mlspec t.csv | tail -1 | grep -qx 7
$mlspec evaluate -q -m m.mlspec t.csv --metric toy_count --json | grep -q '"value": *4'
$mlspec preprocess -q t.csv --halve halve | grep -qx '1.5,a,15.25'
$mlspec help toy | grep -q 'what is predicted'
$mlspec tune -q t.csv -t y --learner toy --trials 3 --cv 2 -o n.mlspec
$mlspec completion bash | grep -q -- '--answer'
echo "a toy learner, step and metric: one file and one row each"
