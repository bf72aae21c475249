/*
 * The processor quota of the control group (v1 or v2) that the process is in.
 */
#ifndef MLS_BASE_CGROUP_H
#define MLS_BASE_CGROUP_H

/*
 *   membership  the file that lists the groups: "/proc/self/cgroup"
 *   root        where they are mounted: "/sys/fs/cgroup"
 *
 * Returns the quota in processors, rounded up, of the tightest group from the
 * process's own up to the root; 0 when there is none or it cannot be read.
 */
int mls_cgroup_processors(const char *membership, const char *root);

#endif
