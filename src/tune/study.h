/*
 * A study: the trials of one search, in an SQLite file that survives kill -9
 * and that processes of one machine share.
 *
 * A trial is claimed by a row in state "running" that names the process; when
 * that process is gone (its number, or the time it started, no longer match)
 * the trial is anybody's again.  SQLite's locks do not hold on network file
 * systems: keep a study on a local disk.
 */
#ifndef MLS_TUNE_STUDY_H
#define MLS_TUNE_STUDY_H

#include "mlspec/tune.h"

struct mls_study;

/* One fact that must be the same for all who share a study. */
struct mls_study_fact {
    const char *name;
    const char *value;
};

/* path NULL: in memory.  Facts are written into a new study and compared with
 * an old one: MLS_USAGE naming the first that differs. */
MLS_CHECK struct mls_study *
mls_study_open(const char *path, const struct mls_study_fact *facts,
               int64_t count, struct mls_error *err);
void mls_study_close(struct mls_study *s);

/* The lowest trial below `trials` that is neither done nor being run; -1 in
 * *trial when there is none.  *open receives how many are not done yet. */
MLS_CHECK bool mls_study_claim(struct mls_study *s, int64_t trials,
                               int64_t *trial, int64_t *open,
                               struct mls_error *err);
/* Borrows result's texts. */
MLS_CHECK bool mls_study_finish(struct mls_study *s,
                                const struct mls_trial *result,
                                struct mls_error *err);
/* Gives a claimed trial back. */
MLS_CHECK bool mls_study_release(struct mls_study *s, int64_t trial,
                                 struct mls_error *err);
/* All that are done and numbered below `trials`, by number. */
MLS_CHECK bool mls_study_results(struct mls_study *s, int64_t trials,
                                 struct mls_study_result *out,
                                 struct mls_error *err);

#endif
