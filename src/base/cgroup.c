/*
 * /proc/self/cgroup lists one group a line, and the quota lies below the mount:
 *
 *     v2   0::/user.slice/job            ROOT/user.slice/job/cpu.max
 *                                        "max 100000" or "150000 100000"
 *     v1   4:cpu,cpuacct:/docker/1a2b    ROOT/cpu/docker/1a2b/cpu.cfs_quota_us
 *                                        (-1: none) and cpu.cfs_period_us
 *
 * A quota holds for all groups below, so each ancestor is asked.  In a
 * container the path is often the host's and does not exist here; walking up
 * ends at the mount itself, which is then the container's own group.
 */
#include "base/cgroup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <unistd.h>

#include "base/number.h"

/* The start of a small file, as text; false when it cannot be read. */
static bool read_small(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t used = 0;

    if (fd < 0) {
        return false;
    }
    while (used < size - 1) {
        ssize_t n = read(fd, text + used, size - 1 - used);

        if (n <= 0) {
            break;
        }
        used += (size_t)n;
    }
    close(fd);
    text[used] = '\0';
    return true;
}

/* The number that text begins with, and what follows it; 0 when none. */
static int64_t leading_number(const char **text)
{
    const char *start = *text + strspn(*text, " \n");
    size_t length = strspn(start, "-0123456789");
    int64_t value = 0;

    *text = start + length;
    return mls_parse_integer(start, length, &value) ? value : 0;
}

static int to_processors(int64_t quota, int64_t period)
{
    int64_t n;

    if (quota <= 0 || period <= 0) {
        return 0;
    }
    n = quota / period + (quota % period != 0);
    return n > INT_MAX ? INT_MAX : (int)n;
}

static int quota_v2(const char *folder)
{
    char path[PATH_MAX], text[128];
    const char *at = text;
    int64_t quota;

    if (snprintf(path, sizeof(path), "%s/cpu.max", folder)
            >= (int)sizeof(path)
        || !read_small(path, text, sizeof(text))) {
        return 0;
    }
    quota = leading_number(&at); /* "max" is no number */
    return to_processors(quota, leading_number(&at));
}

static int quota_v1(const char *folder)
{
    char path[PATH_MAX], quota[64], period[64];
    const char *q = quota, *p = period;

    if (snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", folder)
            >= (int)sizeof(path)
        || !read_small(path, quota, sizeof(quota))
        || snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", folder)
               >= (int)sizeof(path)
        || !read_small(path, period, sizeof(period))) {
        return 0;
    }
    return to_processors(leading_number(&q), leading_number(&p));
}

static int tighter(int a, int b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* From mount + group up to mount. */
static int walk_up(const char *mount, const char *group,
                   int (*quota)(const char *folder))
{
    char folder[PATH_MAX];
    size_t shortest = strlen(mount);
    int n = 0;

    /* A group outside of what is mounted here is written with "..". */
    if (strstr(group, "/..")) {
        group = "";
    }
    if (snprintf(folder, sizeof(folder), "%s%s", mount, group)
        >= (int)sizeof(folder)) {
        return 0;
    }
    for (;;) {
        char *slash;

        n = tighter(n, quota(folder));
        slash = strrchr(folder, '/');
        if (!slash || (size_t)(slash - folder) < shortest) {
            return n;
        }
        *slash = '\0';
    }
}

/* Whether the list "cpu,cpuacct" holds "cpu". */
static bool has_cpu(const char *list)
{
    while (*list) {
        size_t n = strcspn(list, ",");

        if (n == 3 && memcmp(list, "cpu", 3) == 0) {
            return true;
        }
        list += n + (list[n] == ',');
    }
    return false;
}

/* One line, "NUMBER:CONTROLLERS:GROUP", which may be cut into its parts. */
static int quota_of_line(char *line, const char *root)
{
    char mount[PATH_MAX];
    char *controllers = strchr(line, ':');
    char *group = controllers ? strchr(controllers + 1, ':') : NULL;
    int n = 0;

    if (!group) {
        return 0;
    }
    *controllers++ = '\0';
    *group++ = '\0';
    if (*controllers == '\0') {
        n = walk_up(root, group, quota_v2);
        if (snprintf(mount, sizeof(mount), "%s/unified", root)
            < (int)sizeof(mount)) {
            n = tighter(n, walk_up(mount, group, quota_v2));
        }
    } else if (has_cpu(controllers)) {
        if (snprintf(mount, sizeof(mount), "%s/cpu", root)
            < (int)sizeof(mount)) {
            n = walk_up(mount, group, quota_v1);
        }
        if (snprintf(mount, sizeof(mount), "%s/%s", root, controllers)
            < (int)sizeof(mount)) {
            n = tighter(n, walk_up(mount, group, quota_v1));
        }
    }
    return n;
}

int mls_cgroup_processors(const char *membership, const char *root)
{
    char text[16384];
    char *line = text;
    int n = 0;

    if (!read_small(membership, text, sizeof(text))) {
        return 0;
    }
    while (line && *line) {
        char *end = strchr(line, '\n');

        if (end) {
            *end++ = '\0';
        }
        n = tighter(n, quota_of_line(line, root));
        line = end;
    }
    return n;
}
