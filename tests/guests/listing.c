/* The names in the folder argv[1], in the order in which they come. */
#include <dirent.h>
#include <stdio.h>

int main(int argc, char **argv) {
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
    if (!dir)
        return 1;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.')
            puts(entry->d_name);
    return closedir(dir) != 0;
}
