/*
 * Reads numbers from standard input; prints their mean, deviation and median.
 *
 *     seq 1 9 | polyagent run statistics.wasm
 *
 * Floating point, qsort and a growing allocation, through wasi-libc.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void) {
    double *values = NULL, value, sum = 0, squares = 0;
    size_t count = 0, room = 0;
    while (scanf("%lf", &value) == 1) {
        if (count == room) {
            room = room ? 2 * room : 16;
            double *grown = realloc(values, room * sizeof(*values));
            if (!grown) {
                fprintf(stderr, "statistics: no memory for %zu numbers\n", room);
                free(values);
                return 1;
            }
            values = grown;
        }
        values[count++] = value;
        sum += value;
    }
    if (count == 0) {
        fprintf(stderr, "statistics: no numbers on standard input\n");
        return 1;
    }
    double mean = sum / (double)count;
    for (size_t i = 0; i < count; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    qsort(values, count, sizeof(*values), by_value);
    double median = count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
    printf("count %zu\nmean %.6f\ndeviation %.6f\nmedian %.6f\n", count, mean,
           sqrt(squares / (double)count), median);
    free(values);
    return 0;
}
