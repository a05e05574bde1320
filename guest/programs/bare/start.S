# Multiboot header, the first instructions, and the stubs behind the IDT.
	.section .multiboot, "a"
	.balign 4
	.long 0x1BADB002, 3, -(0x1BADB002 + 3)

	.text
	.globl _start
_start:
	cld
	mov	%eax, multiboot_magic
	mov	%ebx, multiboot_info
	mov	$stack_top, %esp
	xor	%ebp, %ebp
	call	start

	# Every vector has a stub: push an error code where the CPU has none, and the vector.
	.macro	stub vector
	.balign 16
	.if (\vector == 8) || (\vector >= 10 && \vector <= 14) || (\vector == 17)
	nop
	nop
	.else
	push	$0
	.endif
	push	$\vector
	jmp	common
	.endm

	.balign 16
	.globl stubs
stubs:
	.set	number, 0
	.rept	256
	stub	number
	.set	number, number + 1
	.endr

common:
	push	%ds
	pusha
	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	cld
	push	%esp
	call	dispatch
	add	$4, %esp
	popa
	pop	%ds
	add	$8, %esp
	iret

	# enter_ring3(function, stack): by an IRET; int 0x30 in ring 3 comes back here.
	.globl enter_ring3, back_from_ring3
enter_ring3:
	push	%ebp
	push	%ebx
	push	%esi
	push	%edi
	mov	20(%esp), %eax
	mov	24(%esp), %ecx
	mov	%esp, ring0_esp
	mov	$0x23, %edx
	mov	%edx, %ds
	mov	%edx, %es
	push	%edx
	push	%ecx
	push	$0x202
	push	$0x1B
	push	%eax
	iret
back_from_ring3:
	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	ring0_esp, %esp
	pop	%edi
	pop	%esi
	pop	%ebx
	pop	%ebp
	ret

	.bss
	.globl ring0_esp
ring0_esp:
	.space	4
	.balign 4096
	.space	16384
	.globl stack_top
stack_top:
