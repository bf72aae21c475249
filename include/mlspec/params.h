/*
 * Tables of parameters.  One table fills a struct, checks bounds, prints help,
 * man pages and completions, names config keys, tells `tune` where to look, and
 * is saved in the model file.  Learners, steps, selectors and the command line
 * all use it.
 *
 * The C type of a field follows its kind:
 *   MLS_REAL      double       MLS_INTEGER  int64_t      MLS_FLAG  bool
 *   MLS_CHOICE    int, an index into choices
 *   MLS_TEXT, MLS_COLUMNS      char *, owned by the struct, NULL when not given;
 *                 COLUMNS is one CSV record of column names, or "*"
 *   MLS_LIST      struct mls_list: an option that may be given several times
 *   MLS_SIZE      int64_t bytes ("4G", "512M", "1000")
 *   MLS_DURATION  double seconds ("10m", "1h30m", "45", "2.5s")
 * MLS_AUTO as a default: NaN in a double, INT64_MIN in an int64_t; shown as
 * "auto", and the text "auto" sets it.
 */
#ifndef MLSPEC_PARAMS_H
#define MLSPEC_PARAMS_H

#include <math.h>

#include "mlspec/error.h"

enum mls_param_kind {
    MLS_REAL = 1, MLS_INTEGER, MLS_FLAG, MLS_CHOICE, MLS_TEXT, MLS_COLUMNS,
    MLS_LIST, MLS_SIZE, MLS_DURATION
};

enum mls_param_flags {
    MLS_LOG = 1 << 0,           /* search low..high on a log scale */
    MLS_ALIAS_INVERSE = 1 << 1, /* the alias means 1/value (C = 1/l2) */
    MLS_OPEN_MIN = 1 << 2,      /* min itself is not allowed */
    MLS_OPEN_MAX = 1 << 3,
    MLS_ALLOW_AUTO = 1 << 4,    /* "auto" may be set though not the default */
    MLS_FILE = 1 << 5,          /* completes file names */
    MLS_HIDDEN = 1 << 6         /* not in help */
};

#define MLS_AUTO ((double)NAN)
#define MLS_AUTO_INTEGER INT64_MIN

struct mls_list {
    char **items;
    int64_t count;
};

struct mls_param {
    const char *name;           /* snake_case; NULL ends the table */
    size_t at;                  /* offsetof in the params struct */
    enum mls_param_kind kind;
    const char *alias;          /* one more name, or several with '|' between */
    double def;                 /* default; FLAG 0/1; CHOICE an index */
    double min, max;            /* REAL, INTEGER, SIZE, DURATION; both 0: any */
    double low, high;           /* where tune looks; both 0: not tuned */
    const char *const *choices; /* CHOICE: names, NULL-terminated */
    unsigned flags;
    char letter;                /* command line: -o */
    const char *value;          /* command line: what help shows, "FILE" */
    const char *help;           /* one line, no final dot */
};

/* Every function that takes a key treats '-' and '_' as the same. */

/* The row for a key or alias, or NULL. *inverse (may be NULL) receives whether
 * the value must be inverted. */
MLS_API const struct mls_param *mls_params_find(const struct mls_param *table,
                                                const char *key, bool *inverse);

/* Fills values with defaults (values is zeroed first: size bytes). */
MLS_API void mls_params_init(const struct mls_param *table, void *values,
                             size_t size);
MLS_API void mls_params_clear(const struct mls_param *table, void *values);
MLS_API MLS_CHECK bool mls_params_copy(const struct mls_param *table,
                                       void *to, const void *from, size_t size,
                                       struct mls_error *err);

/* Sets one value from text and checks its bounds.  MLS_USAGE with the nearest
 * key for an unknown one, the allowed range or choices for a bad value.  A list
 * takes one more item; a text replaces.  what names the owner in messages
 * ("ridge", "step impute", "train"). */
MLS_API MLS_CHECK bool mls_params_set(const struct mls_param *table,
                                      void *values, const char *what,
                                      const char *key, const char *text,
                                      struct mls_error *err);

/* The one line of text that mls_params_set reads back, in text (size bytes). */
MLS_API void mls_param_format(const struct mls_param *param,
                              const void *values, char *text, size_t size);
MLS_API bool mls_param_is_auto(const struct mls_param *param,
                               const void *values);

/* The nearest of count names by edit distance (Damerau-Levenshtein, at most a
 * third of the length), or NULL when none is near. */
MLS_API const char *mls_nearest(const char *word, const char *const *names,
                                int64_t count);

#endif
