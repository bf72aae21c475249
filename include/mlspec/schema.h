/*
 * What the columns of a table are: names, kinds, roles, dictionaries.
 */
#ifndef MLSPEC_SCHEMA_H
#define MLSPEC_SCHEMA_H

#include "mlspec/error.h"

/* What the cells are.  Kinds decide how a column is stored (table.h). */
enum mls_kind {
    MLS_KIND_REAL = 1,  /* double, missing NaN */
    MLS_KIND_INTEGER,   /* double, missing NaN; |x| <= 2^53 */
    MLS_KIND_BOOLEAN,   /* code 0 or 1; the dictionary keeps the spelling */
    MLS_KIND_CATEGORY,  /* code into the dictionary */
    MLS_KIND_DATE,      /* microseconds since 1970-01-01T00:00:00Z */
    MLS_KIND_TEXT       /* bytes */
};
#define MLS_KIND_BIT(kind) (1u << (kind))
#define MLS_KINDS_NUMERIC \
    (MLS_KIND_BIT(MLS_KIND_REAL) | MLS_KIND_BIT(MLS_KIND_INTEGER))
#define MLS_KINDS_CODED \
    (MLS_KIND_BIT(MLS_KIND_BOOLEAN) | MLS_KIND_BIT(MLS_KIND_CATEGORY))
#define MLS_KINDS_ALL 0x7eu

/* What was noticed about a column; both are left out of the features unless
 * the user names their kind. */
enum mls_trait { MLS_TRAIT_NONE, MLS_TRAIT_IDENTIFIER, MLS_TRAIT_CONSTANT };

enum mls_role {
    MLS_ROLE_FEATURE, MLS_ROLE_TARGET, MLS_ROLE_WEIGHT, MLS_ROLE_GROUP,
    MLS_ROLE_TIME, MLS_ROLE_ID, MLS_ROLE_IGNORED, MLS_ROLE_OFFSET
};

/* One form for all cells of a date column. */
enum mls_date_form {
    MLS_DATE_ISO,               /* 2024-05-31, with T or space 23:59[:59[.ffffff]][Z|+hh:mm] */
    MLS_DATE_DAY_MONTH,         /* 31/05/2024, also with - and . */
    MLS_DATE_MONTH_DAY          /* 05/31/2024 */
};

MLS_API const char *mls_kind_name(enum mls_kind kind); /* "real", "date" ... */
MLS_API bool mls_kind_parse(const char *name, enum mls_kind *kind);
MLS_API const char *mls_role_name(enum mls_role role);

/* Levels in byte order.  Immutable once made, shared by reference count. */
struct mls_dictionary {
    int64_t count;
    int64_t *offset;            /* count + 1 */
    char *bytes;                /* level i is bytes[offset[i] .. offset[i+1]) */
    uint32_t *slots;            /* hash index, private */
    int64_t slot_count;
    int64_t references;         /* atomic, private */
};
#define MLS_CODE_MISSING UINT32_MAX

/* From texts in any order without repeats; sorted.  order (may be NULL)
 * receives, for each given text, its code. */
MLS_API MLS_CHECK struct mls_dictionary *
mls_dictionary_new(const char *const *texts, const size_t *lengths,
                   int64_t count, uint32_t *order, struct mls_error *err);
MLS_API struct mls_dictionary *mls_dictionary_share(struct mls_dictionary *d);
MLS_API void mls_dictionary_free(struct mls_dictionary *d); /* drops a share */
/* The code, or MLS_CODE_MISSING. */
MLS_API uint32_t mls_dictionary_find(const struct mls_dictionary *d,
                                     const char *bytes, size_t length);
MLS_API const char *mls_dictionary_level(const struct mls_dictionary *d,
                                         uint32_t code, size_t *length);

struct mls_field {
    char *name;                 /* UTF-8, no NUL */
    enum mls_kind kind;
    enum mls_trait trait;
    enum mls_role role;
    enum mls_date_form date_form;           /* DATE */
    bool date_has_time;                     /* DATE: write the time of day */
    struct mls_dictionary *dictionary;      /* BOOLEAN, CATEGORY; else NULL */
    int64_t missing;            /* cells seen missing when inferred */
};

struct mls_schema {
    struct mls_field *fields;
    int64_t count, capacity;
    uint32_t *slots;            /* name index, private */
    int64_t slot_count;
};

MLS_API void mls_schema_clear(struct mls_schema *schema);
/* Appends; the name must be new (MLS_DATA naming it otherwise).  The
 * dictionary is shared.  The field's trait, role... follow from the argument;
 * its name is copied. */
MLS_API MLS_CHECK bool mls_schema_add(struct mls_schema *schema,
                                      const struct mls_field *field,
                                      struct mls_error *err);
MLS_API MLS_CHECK bool mls_schema_copy(struct mls_schema *to,
                                       const struct mls_schema *from,
                                       struct mls_error *err);
/* Position or -1. */
MLS_API int64_t mls_schema_find(const struct mls_schema *schema,
                                const char *name);
/* Position of the first column with a role, or -1. */
MLS_API int64_t mls_schema_find_role(const struct mls_schema *schema,
                                     enum mls_role role);
/* Position, or -1 with MLS_USAGE, the nearest name as the fix.  option names
 * the culprit: "--target". */
MLS_API MLS_CHECK int64_t mls_schema_need(const struct mls_schema *schema,
                                          const char *name, const char *option,
                                          struct mls_error *err);
/* Positions of the columns in a COLUMNS record ("a,b", "*" all), in the order
 * given, as a new array; *count receives how many. */
MLS_API MLS_CHECK int64_t *mls_schema_columns(const struct mls_schema *schema,
                                              const char *record,
                                              const char *option,
                                              int64_t *count,
                                              struct mls_error *err);

/* JSON as `describe` writes it and --schema and the model file read:
 * {"columns":[{"name":"age","kind":"real","role":"feature"}, ...]}.  Dictionaries go to
 * arrays (in the model file) and are left out of this text when with_levels is
 * false. */
struct mls_json;
MLS_CHECK bool mls_schema_to_json(const struct mls_schema *schema,
                                  bool with_levels, struct mls_json *to,
                                  struct mls_error *err);
MLS_CHECK bool mls_schema_from_json(const struct mls_json *from,
                                    const char *name, enum mls_code code,
                                    struct mls_schema *schema,
                                    struct mls_error *err);

#endif
