/*
 * No capability now, and no way to any: the bounding and ambient sets empty, the secure bits that
 * would give them back to uid 0 switched off and locked, the three sets cleared last (the steps
 * before need CAP_SETPCAP).
 *
 * A process that never had CAP_SETPCAP (an ordinary user without a user namespace) cannot empty its
 * bounding set; with no_new_privs set and nothing in its own sets that is worth nothing to it.
 */
#include "jail/jail_internal.h"
#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LAST_POSSIBLE_CAPABILITY 63

#define SECURE_BITS                                                                                \
    (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |                               \
     SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |       \
     SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

static bool may_set_pcap(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};
    return syscall(SYS_capget, &header, data) == 0 &&
           (data[0].effective & (1u << CAP_SETPCAP)) != 0;
}

static int empty_for_good(struct pa_error *why) {
    for (int cap = 0; cap <= LAST_POSSIBLE_CAPABILITY; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
            if (errno == EINVAL) /* past the kernel's last */
                break;
            return pa_fail_errno(why, errno, "dropping capability %d from the bounding set", cap);
        }
    if (prctl(PR_SET_SECUREBITS, SECURE_BITS, 0, 0, 0) < 0)
        return pa_fail_errno(why, errno, "locking the secure bits");
    return 0;
}

enum pa_layer_result pa_jail_drop_capabilities(struct pa_error *why) {
    if (may_set_pcap() && empty_for_good(why) < 0)
        return PA_LAYER_FAILED;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) {
        pa_fail_errno(why, errno, "clearing the ambient capabilities");
        return PA_LAYER_FAILED;
    }
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    if (syscall(SYS_capset, &header, none) < 0) {
        pa_fail_errno(why, errno, "dropping all capabilities");
        return PA_LAYER_FAILED;
    }
    return PA_LAYER_ENTERED;
}
