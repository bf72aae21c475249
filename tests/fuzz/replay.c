/*
 * Runs what fuzzing once found, without a fuzzer:
 *
 *     fuzz_replay FOLDER      FOLDER/<target>/<any name>
 *
 * Ends with 0 when every input runs through.
 */
#include <dirent.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "fuzz.h"

static const struct {
    const char *name;
    fuzz_target *run;
} targets[] = {
    { "libcsv", fuzz_libcsv }, { "model", fuzz_model },
    { "number", fuzz_number }, { "round", fuzz_round },
    { "sniff", fuzz_sniff },   { "table", fuzz_table },
};

static int run_file(fuzz_target *run, const char *path)
{
    struct mls_error err = { 0 };
    size_t length;
    char *bytes = mls_file_read(path, 1 << 26, &length, &err);

    FUZZ_CHECK(bytes != NULL, "%s: %s", path, err.what);
    printf("%s\n", path);
    fflush(stdout);
    run((const uint8_t *)bytes, length);
    mls_free(bytes);
    FUZZ_CHECK(mls_memory_live() == 0, "%s: memory is left", path);
    return 1;
}

static int run_folder(fuzz_target *run, const char *folder)
{
    DIR *open = opendir(folder);
    struct dirent *entry;
    char path[4400]; /* a folder of main's and the longest name */
    int count = 0;

    while (open != NULL && (entry = readdir(open)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        count += run_file(run, path);
    }
    if (open != NULL)
        closedir(open);
    return count;
}

int main(int argc, char **argv)
{
    char folder[4096];
    int count = 0;

    if (argc != 2) {
        fputs("usage: fuzz_replay FOLDER\n", stderr);
        return 2;
    }
    for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
        snprintf(folder, sizeof(folder), "%s/%s", argv[1], targets[i].name);
        targets[i].run((const uint8_t *)"", 0);
        count += run_folder(targets[i].run, folder);
    }
    printf("%d inputs\n", count);
    return count > 0 ? 0 : 1;
}
