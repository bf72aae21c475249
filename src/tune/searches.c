/* Finding a search by name. */
#include "base/random.h"
#include "base/text.h"
#include "tune/searches.h"

#define SEARCHES_LIMIT 32

#define ROW(name) &mls_search_##name,
const struct mls_search_type *const mls_searches[] = { MLS_SEARCHES(ROW) NULL };
#undef ROW

const struct mls_search_type *mls_search_find(const char *name,
                                              struct mls_error *err)
{
    const char *names[SEARCHES_LIMIT], *near;
    int64_t n = 0;

    for (int i = 0; mls_searches[i]; i++) {
        if (strcmp(mls_searches[i]->name, name) == 0)
            return mls_searches[i];
        if (n < SEARCHES_LIMIT)
            names[n++] = mls_searches[i]->name;
    }
    near = mls_nearest(name, names, n);
    mls_fail(err, MLS_USAGE, "there is no search \"%s\"",
             mls_show_text(name).text);
    mls_fail_fix(err, near ? "did you mean %s?" : "random is the default%s",
                 near ? near : "");
    return NULL;
}
