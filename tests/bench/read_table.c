/*
 * One reading of a table in a fresh process, timed:
 *
 *     read_table FILE [THREADS] [slow]
 *
 * prints seconds, MB/s (10^6 bytes of the file) and the peak of resident memory
 * in MB beside that of the columns kept.  Memory of the size of the result is
 * touched and given back before the clock starts, since the first use of cold
 * pages of a virtual machine costs seconds that are not the reader's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "mlspec/table.h"
#include "table/csv_table.h"

static void touch(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        return;
    for (size_t i = 0; i < bytes; i += 4096)
        ((volatile char *)p)[i] = 1;
    munmap(p, bytes);
}

int main(int argc, char **argv)
{
    const struct mls_read_options options = { 0 };
    struct mls_run run = { 0 };
    struct mls_error err = { 0 };
    struct mls_table table;
    struct stat status;
    double start, seconds;
    int threads = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 1;

    if (argc < 2 || stat(argv[1], &status) != 0) {
        fprintf(stderr, "usage: read_table FILE [THREADS] [slow]\n");
        return 2;
    }
    mls_csv_tuning.off = argc > 3 && strcmp(argv[3], "slow") == 0;
    /* Resets the peak by which memory is measured: touched pages count. */
    if (getenv("MLS_BENCH_TOUCH") != NULL)
        touch((size_t)status.st_size * 2);
    start = mls_now();
    if (!mls_run_init(&run, threads, &err)
        || !mls_table_read(argv[1], &options, &run, &table, &err)) {
        fprintf(stderr, "%s\n", err.what);
        return 1;
    }
    seconds = mls_now() - start;
    printf("%.4f s %.0f MB/s peak %.1f MB kept %.1f MB rows %lld fast %d\n",
           seconds, (double)status.st_size / 1e6 / seconds,
           mls_memory_peak_mb(), (double)mls_memory_used() / 1e6,
           (long long)table.rows, (int)mls_csv_tuning.tables);
    mls_table_clear(&table);
    mls_run_clear(&run);
    return 0;
}
