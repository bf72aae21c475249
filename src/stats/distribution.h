/* Distribution functions.  Accurate to about 1e-13 relative, also in the upper
 * tail (the survival functions are not 1 - cdf). */
#ifndef MLS_STATS_DISTRIBUTION_H
#define MLS_STATS_DISTRIBUTION_H

double mls_normal_cdf(double x);
double mls_normal_quantile(double p);           /* Wichura (1988), AS 241 */
/* Regularised incomplete beta function I_x(a, b), a, b > 0, x in [0, 1].
 * DiDonato & Morris (1992), TOMS 708, or a continued fraction. */
double mls_beta_regularized(double a, double b, double x);
/* Regularised upper incomplete gamma function Q(a, x). */
double mls_gamma_upper(double a, double x);
double mls_f_survival(double f, double df1, double df2);  /* P(F > f) */
double mls_t_survival(double t, double df);               /* P(T > t) */
double mls_chi2_survival(double x, double df);

#endif
