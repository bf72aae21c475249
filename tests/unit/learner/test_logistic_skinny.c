/* The products of a few vectors against sums of products. */
#include "test.h"

#include "learner/logistic_skinny.h"
#include "unit/learner/cases.h"

static void products_are_sums_of_products(void **state)
{
    enum { STRIDE = 48, VECTORS = 10, ROWS = 9 };
    static float rows[(ROWS + 1) * STRIDE], u[VECTORS * STRIDE];
    static float scores[(ROWS + 1) * VECTORS], sum[VECTORS * STRIDE];

    (void)state;
    for (int i = 0; i < ROWS * STRIDE; i++)
        rows[i] = (float)hashed(i, 1);
    for (int i = 0; i < VECTORS * STRIDE; i++) {
        u[i] = (float)hashed(i, 2);
        sum[i] = (float)hashed(i, 3);
    }
    for (int64_t count = 1; count <= ROWS; count++) {
        struct mls_skinny s = { rows, rows, STRIDE, count, VECTORS };

        mls_skinny_scores(&s, u, scores);
        for (int64_t a = 0; a < count * VECTORS; a++) {
            double expected = 0;

            for (int j = 0; j < STRIDE; j++) {
                expected += (double)rows[j + a / VECTORS * STRIDE]
                    * u[j + a % VECTORS * STRIDE];
            }
            assert_near(scores[a], expected, 1e-5);
        }
        for (int i = 0; i < VECTORS * STRIDE; i++)
            sum[i] = (float)hashed(i, 3);
        mls_skinny_back(&s, scores, sum);
        for (int a = 0; a < VECTORS * STRIDE; a++) {
            double expected = (float)hashed(a, 3);

            for (int i = 0; i < count; i++) {
                expected += (double)scores[a / STRIDE + i * VECTORS]
                    * rows[a % STRIDE + i * STRIDE];
            }
            assert_near(sum[a], expected, 1e-5);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_sums_of_products),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
