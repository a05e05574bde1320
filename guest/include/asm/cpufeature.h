#ifndef _ASM_CPUFEATURE_H
#define _ASM_CPUFEATURE_H

#include <asm/processor.h>

/* Bits of what the instruction CPUID tells in EDX and ECX under 1. */
#define X86_FEATURE_FPU		(0 * 32 + 0)
#define X86_FEATURE_PSE		(0 * 32 + 3)
#define X86_FEATURE_TSC		(0 * 32 + 4)
#define X86_FEATURE_MSR		(0 * 32 + 5)
#define X86_FEATURE_PAE		(0 * 32 + 6)
#define X86_FEATURE_CX8		(0 * 32 + 8)
#define X86_FEATURE_APIC	(0 * 32 + 9)
#define X86_FEATURE_PGE		(0 * 32 + 13)
#define X86_FEATURE_CMOV	(0 * 32 + 15)
#define X86_FEATURE_MMX		(0 * 32 + 23)
#define X86_FEATURE_FXSR	(0 * 32 + 24)
#define X86_FEATURE_XMM		(0 * 32 + 25)
#define X86_FEATURE_XMM2	(0 * 32 + 26)

static inline int __cpu_has(int feature)
{
	unsigned int eax, ebx, words[2];

	cpuid(1, &eax, &ebx, &words[1], &words[0]);
	return words[feature / 32] >> feature % 32 & 1;
}

#define boot_cpu_has(feature)	__cpu_has(feature)
#define cpu_has(cpu, feature)	((void)(cpu), __cpu_has(feature))
#define static_cpu_has(feature)	__cpu_has(feature)

#endif
