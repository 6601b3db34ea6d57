/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stores to traced frames: the instructions that kernels use on page tables,
 * one page at a time. What is not here, and what crosses a page, is stepped.
 */
#include <string.h>

#include "vmm/insn.h"
#include "vmm/vmm.h"

static uint64_t size_mask(unsigned bytes)
{
	return bytes == 8 ? UINT64_MAX : (UINT64_C(1) << (8 * bytes)) - 1;
}

static uint64_t segment_base(const struct vmm *v, const struct insn *i)
{
	const struct vmcb *c = v->vmcb;
	const struct vmcb_seg *flat[] = { NULL, &c->es, &c->cs, &c->ss,
					  &c->ds };
	unsigned s = i->segment;

	/* FS and GS stay in the CPU across an exit; their MSRs tell. */
	if (s >= 5) {
		return rdmsr(s == 5 ? MSR_FS_BASE : MSR_GS_BASE);
	}
	if (c->cs.attrib & SEG_LONG) {
		return 0;
	}
	if (s == 0) {
		s = i->base == RSP || i->base == RBP ? 3 : 4;
	}
	return flat[s]->base;
}

uint64_t insn_address(const struct vmm *v, const struct insn *i)
{
	uint64_t at = (uint64_t)(int64_t)i->disp;

	at += i->base < 16 ? v->reg[i->base] : 0;
	at += i->index < 16 ? v->reg[i->index] << i->scale : 0;
	at += i->rip_relative ? v->vmcb->rip + i->bytes : 0;
	at = i->address_bytes == 4 ? (uint32_t)at : at;
	at += segment_base(v, i);
	return v->vmcb->cs.attrib & SEG_LONG ? at : (uint32_t)at;
}

unsigned fetch_code(struct vmm *v, unsigned char code[15])
{
	uint32_t access = GNOMON_EXEC | (is_user(v) ? GNOMON_USER : 0);
	bool long_mode = v->vmcb->cs.attrib & SEG_LONG;
	uint64_t base = long_mode ? 0 : v->vmcb->cs.base;
	unsigned n = 0;

	while (n < 15) {
		struct gnomon_translation t;
		gnomon_gva_t gva = { base + v->vmcb->rip + n };
		uint64_t room = GNOMON_PAGE_BYTES -
				gva.v % GNOMON_PAGE_BYTES;

		if (gnomon_translate(v->vcpu, gva, access, 0, &t) !=
			    GNOMON_OK || !guest_ram(v, t.gpa.v)) {
			break;
		}
		room = room < 15 - n ? room : 15 - n;
		memcpy(code + n, guest_ram(v, t.gpa.v), room);
		n += (unsigned)room;
	}
	return n;
}

/* Where gva is; null: not RAM, or a fault was queued (*faulted). */
static unsigned char *reach(struct vmm *v, uint64_t gva, uint32_t access,
			    uint64_t *gpa, bool *faulted)
{
	struct gnomon_translation t;
	enum gnomon_status s;

	access |= is_user(v) ? GNOMON_USER : 0;
	s = gnomon_translate(v->vcpu, (gnomon_gva_t){ gva }, access,
			     GNOMON_TRANSLATE_SET_AD, &t);
	if (s == GNOMON_FAULT) {
		inject_pf(v, gva, t.error_code);
		*faulted = true;
	}
	*gpa = t.gpa.v;
	return s == GNOMON_OK ? guest_ram(v, t.gpa.v) : NULL;
}

static void put(struct vmm *v, uint64_t gpa, const void *data, size_t bytes)
{
	enum gnomon_status s;

	s = gnomon_write(v->vm, v->vcpu, (gnomon_gpa_t){ gpa }, data, bytes);
	if (s != GNOMON_OK) {
		vmm_die("store at %x: %s", gpa, gnomon_status_text(s));
	}
}

/* ---- arithmetic ---------------------------------------------------------- */

static uint64_t get_reg(const struct vmm *v, const struct insn *i)
{
	/* Without REX the byte registers 4..7 are AH CH DH BH. */
	if (i->size == 1 && !i->rex && i->reg >= 4 && i->reg < 8) {
		return v->reg[i->reg - 4] >> 8 & 0xff;
	}
	return v->reg[i->reg] & size_mask(i->size);
}

static void set_reg(struct vmm *v, const struct insn *i, unsigned reg,
		    uint64_t value)
{
	uint64_t mask = size_mask(i->size);

	if (i->size == 1 && !i->rex && reg >= 4 && reg < 8) {
		v->reg[reg - 4] = (v->reg[reg - 4] & ~UINT64_C(0xff00)) |
				  (value & 0xff) << 8;
	} else if (i->size == 4) {
		v->reg[reg] = value & mask;
	} else {
		v->reg[reg] = (v->reg[reg] & ~mask) | (value & mask);
	}
}

static uint64_t flags_of(uint64_t r, unsigned bytes)
{
	unsigned top = 8 * bytes - 1;

	return ((r & size_mask(bytes)) ? 0 : RFLAGS_ZF) |
	       (r >> top & 1) << 7 |
	       (uint64_t)(!__builtin_parity((unsigned)r & 0xff)) << 2;
}

/* op: 0 add, 1 or, 2 adc, 3 sbb, 4 and, 5 sub, 6 xor. */
static uint64_t alu(struct vmm *v, unsigned op, unsigned bytes, uint64_t a,
		    uint64_t b)
{
	uint64_t mask = size_mask(bytes);
	uint64_t carry = v->vmcb->rflags & (op == 2 || op == 3);
	unsigned top = 8 * bytes - 1;
	uint64_t r, flags;

	b &= mask;
	switch (op) {
	case 1:
		r = a | b;
		flags = 0;
		break;
	case 4:
		r = a & b;
		flags = 0;
		break;
	case 6:
		r = a ^ b;
		flags = 0;
		break;
	case 0:
	case 2:
		r = (a + b + carry) & mask;
		flags = r < a || (carry && r == a);
		flags |= ((a ^ r) & (b ^ r)) >> top << 11 & 0x800;
		flags |= (a ^ b ^ r) & 0x10;
		break;
	default:
		r = (a - b - carry) & mask;
		flags = a < b || (carry && a == b);
		flags |= ((a ^ b) & (a ^ r)) >> top << 11 & 0x800;
		flags |= (a ^ b ^ r) & 0x10;
		break;
	}
	flags |= flags_of(r, bytes);
	v->vmcb->rflags = (v->vmcb->rflags & ~(uint64_t)RFLAGS_STATUS) | flags;
	return r;
}

static uint64_t bit_op(struct vmm *v, const struct insn *i, uint64_t old,
		       uint64_t bit)
{
	uint64_t one = UINT64_C(1) << (bit & (8u * i->size - 1));

	v->vmcb->rflags = (v->vmcb->rflags & ~(uint64_t)RFLAGS_CF) |
			  (old & one ? RFLAGS_CF : 0);
	return i->ext == 5 ? old | one : i->ext == 6 ? old & ~one : old ^ one;
}

static uint64_t cmpxchg(struct vmm *v, const struct insn *i, uint64_t old)
{
	uint64_t expected = v->reg[RAX] & size_mask(i->size);

	alu(v, 5, i->size, expected, old);
	if (expected == old) {
		return get_reg(v, i);
	}
	set_reg(v, i, RAX, old);
	return old;
}

/* The new value of the operand; registers and flags change with it. */
static uint64_t compute(struct vmm *v, const struct insn *i, uint64_t old)
{
	uint64_t new_value;

	switch ((int)i->op) {
	case INSN_MOV_REG:
		return get_reg(v, i);
	case INSN_MOV_IMM:
		return i->imm;
	case INSN_XCHG:
		new_value = get_reg(v, i);
		set_reg(v, i, i->reg, old);
		return new_value;
	case INSN_CMPXCHG:
		return cmpxchg(v, i, old);
	case INSN_XADD:
		new_value = alu(v, 0, i->size, old, get_reg(v, i));
		set_reg(v, i, i->reg, old);
		return new_value;
	case INSN_ALU_REG:
		return alu(v, i->ext, i->size, old, get_reg(v, i));
	case INSN_ALU_IMM:
		return alu(v, i->ext, i->size, old, i->imm);
	case INSN_BIT_IMM:
		return bit_op(v, i, old, i->imm);
	default:
		return bit_op(v, i, old, v->reg[i->reg]);
	}
}

/* ---- one store ----------------------------------------------------------- */

static uint64_t operand_address(const struct vmm *v, const struct insn *i)
{
	uint64_t at = insn_address(v, i);

	if (i->op == INSN_BIT_REG) {
		/* The register is a signed bit index from the operand on. */
		int64_t bit = (int64_t)v->reg[i->reg];
		unsigned drop = 64 - 8u * i->size;

		bit = (int64_t)((uint64_t)bit << drop) >> drop;
		at += (uint64_t)(bit >> (i->size == 8 ? 6
					 : i->size == 4 ? 5 : 4)) * i->size;
	}
	return at;
}

static bool store_operand(struct vmm *v, const struct insn *i, uint64_t fault)
{
	uint64_t gva = operand_address(v, i), gpa, old = 0, value;
	bool faulted = false;
	unsigned char *p;

	if (fault - gva >= i->size ||
	    gva % GNOMON_PAGE_BYTES + i->size > GNOMON_PAGE_BYTES) {
		return false;
	}
	p = reach(v, gva, GNOMON_WRITE, &gpa, &faulted);
	if (!p) {
		return faulted;
	}
	memcpy(&old, p, i->size);
	value = compute(v, i, old);
	put(v, gpa, &value, i->size);
	skip(v, i->bytes);
	return true;
}

static uint64_t page_room(uint64_t at)
{
	return GNOMON_PAGE_BYTES - at % GNOMON_PAGE_BYTES;
}

/* Fill bytes with a pattern, by copies that grow twice as long each. */
static void repeat(unsigned char *to, const void *pattern, uint64_t size,
		   uint64_t bytes)
{
	memcpy(to, pattern, size);
	for (uint64_t done = size; done < bytes; done += done) {
		memcpy(to + done, to,
		       done < bytes - done ? done : bytes - done);
	}
}

/* As many rounds of STOS or MOVS as fit the pages under way. */
static bool store_string(struct vmm *v, const struct insn *i, uint64_t fault)
{
	static unsigned char data[GNOMON_PAGE_BYTES];
	uint64_t to = v->reg[RDI], from = v->reg[RSI], gpa, n;
	uint64_t count = i->rep ? v->reg[RCX] : 1;
	bool faulted = false, movs = i->op == INSN_MOVS;
	const unsigned char *source;

	if (i->address_bytes != 8 || (v->vmcb->rflags & RFLAGS_DF) ||
	    i->segment >= 5 || fault - to >= page_room(to) || count == 0) {
		return false;
	}
	n = page_room(to);
	if (movs) {
		n = page_room(from) < n ? page_room(from) : n;
		/* What is read must not be what was just written. */
		n = to - from < n ? i->size : n;
		source = reach(v, from, GNOMON_READ, &gpa, &faulted);
		if (!source) {
			return faulted;
		}
	}
	n = n / i->size < count ? n / i->size : count;
	if (n == 0) {
		return false;
	}
	if (movs) {
		memcpy(data, source, n * i->size);
	}
	if (!movs) {
		repeat(data, &v->reg[RAX], i->size, n * i->size);
	}
	if (!reach(v, to, GNOMON_WRITE, &gpa, &faulted)) {
		return faulted;
	}
	put(v, gpa, data, n * i->size);
	v->reg[RDI] += n * i->size;
	v->reg[RSI] += movs ? n * i->size : 0;
	v->reg[RCX] -= i->rep ? n : 0;
	if (n == count) {
		skip(v, i->bytes);
	}
	return true;
}

bool emulate_store(struct vmm *v, uint64_t gva)
{
	unsigned char code[15];
	unsigned count;
	struct insn i;

	if (v->pending) {
		return false;	/* it is an event's delivery that stores */
	}
	count = fetch_code(v, code);
	if (!insn_decode(code, count, v->vmcb->cs.attrib & SEG_LONG, &i) ||
	    i.op < INSN_MOV_REG ||
	    !(v->vmcb->cs.attrib & (SEG_LONG | SEG_DB))) {
		return false;
	}
	if (i.op < INSN_STOS) {
		return store_operand(v, &i, gva);
	}
	/* These fill or copy pages: they hardly ever store into tables. */
	if (!store_string(v, &i, gva)) {
		return false;
	}
	v->count.stores_string++;
	return true;
}
