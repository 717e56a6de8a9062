/*
 * Packages: what programs may import besides what their language brings.
 *
 *     struct pa_package package;
 *     pa_package_open("tabulate-0.9.0-py3-none-any.whl", cache_directory, &package, &err)
 *     pa_policy_add_mount(&policy, package.host, package.guest, false, &err)
 *     ... package.import_path goes on the language's import path ...
 *     pa_package_done(&package);
 *
 * A package is a folder, or a wheel of pure Python, which is unpacked once:
 *
 *     <cache>/packages/<SHA-256 of the wheel>/
 *
 * A program sees it read-only as /packages/NAME: the folder's name, the wheel's name and version.
 */
#ifndef PA_LANG_PACKAGE_H
#define PA_LANG_PACKAGE_H

#include "base/error.h"

#define PA_PACKAGES_FOLDER "/packages"

struct pa_package {
    char *host;        /* canonical */
    char *guest;       /* "/packages/NAME" */
    char *import_path; /* in the guest: `guest`, or /packages for a folder that is itself a module
                          of Python (it has an __init__.py) */
};

/* INVALID_ARGUMENT for a file that is no wheel and for a wheel with native code, naming it. */
int pa_package_open(const char *path, const char *cache_directory, struct pa_package *ret,
                    struct pa_error *err);
void pa_package_done(struct pa_package *package);

#endif
