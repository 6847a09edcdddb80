/*
 * machine.h - how busy others keep this machine, for doubting a measurement; and our own program.
 */
#ifndef LPG_OS_MACHINE_H
#define LPG_OS_MACHINE_H

#include <stdint.h>

/* Processor time since boot, in clock ticks. All zero where the system does not tell. */
struct machine_times {
    uint64_t total;
    uint64_t stolen; /* wanted by us, given by the hypervisor to other machines */
};
struct machine_times machine_times(void);
/* Share of the time between two readings that was stolen; 0 when that is not known. */
double machine_stolen_share(struct machine_times before, struct machine_times after);

/*
 * Microseconds since boot in which everything that had work to do waited for memory; 0 where the
 * kernel does not tell. https://docs.kernel.org/accounting/psi.html
 */
uint64_t machine_memory_stall_us(void);
/* The same from the text of a pressure file: "total" of its line "full". 0 when there is none. */
uint64_t machine_read_stall_us(const char *text);

/* Absolute path of the running program; the caller frees. NULL when the system does not tell. */
char *machine_program(void);

#endif
