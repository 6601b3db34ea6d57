/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/insn.h"

struct cursor {
	const unsigned char *at, *end;
	bool over;		/* more was wanted than there is */
	bool long_mode;
	bool op16, addr_short;
};

static uint64_t take(struct cursor *c, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++) {
		if (c->at == c->end) {
			c->over = true;
			return 0;
		}
		v |= (uint64_t)*c->at++ << (8 * i);
	}
	return v;
}

static uint64_t take_signed(struct cursor *c, unsigned bytes)
{
	uint64_t v = take(c, bytes);
	uint64_t sign = UINT64_C(1) << (8 * bytes - 1);

	return bytes == 8 ? v : (v ^ sign) - sign;
}

static uint8_t segment_of(uint8_t byte)
{
	switch (byte) {
	case 0x26:
		return 1;
	case 0x2e:
		return 2;
	case 0x36:
		return 3;
	case 0x3e:
		return 4;
	case 0x64:
		return 5;
	case 0x65:
		return 6;
	default:
		return 0;
	}
}

static uint8_t take_prefixes(struct cursor *c, struct insn *i)
{
	for (unsigned n = 0; n < 15; n++) {
		uint8_t b = (uint8_t)take(c, 1);

		if (segment_of(b)) {
			i->segment = segment_of(b);
		} else if (b == 0x66) {
			c->op16 = true;
		} else if (b == 0x67) {
			c->addr_short = true;
		} else if (b == 0xf0) {
			i->lock = true;
		} else if (b == 0xf2 || b == 0xf3) {
			i->rep = true;
		} else if (c->long_mode && (b & 0xf0) == 0x40) {
			i->rex = b;
			return (uint8_t)take(c, 1);
		} else {
			return b;
		}
	}
	return 0x90;
}

static void take_sib(struct cursor *c, struct insn *i, unsigned mod)
{
	uint8_t sib = (uint8_t)take(c, 1);

	i->scale = sib >> 6;
	i->index = (sib >> 3 & 7) | (i->rex & 2 ? 8 : 0);
	i->base = (sib & 7) | (i->rex & 1 ? 8 : 0);
	if (i->index == 4) {
		i->index = 16;
	}
	if ((sib & 7) == 5 && mod == 0) {
		i->base = 16;
		i->disp = (int32_t)take(c, 4);
	}
}

/* Returns ModRM.reg without REX: an opcode extension for some. */
static unsigned take_modrm(struct cursor *c, struct insn *i)
{
	uint8_t modrm = (uint8_t)take(c, 1);
	unsigned mod = modrm >> 6, rm = modrm & 7, reg = modrm >> 3 & 7;

	i->reg = (uint8_t)(reg | (i->rex & 4 ? 8 : 0));
	i->base = (uint8_t)(rm | (i->rex & 1 ? 8 : 0));
	i->index = 16;
	if (mod == 3) {
		return reg;
	}
	i->memory = true;
	if (rm == 4) {
		take_sib(c, i, mod);
	} else if (rm == 5 && mod == 0) {
		i->base = 16;
		i->disp = (int32_t)take(c, 4);
		i->rip_relative = c->long_mode;
	}
	if (mod == 1) {
		i->disp = (int32_t)take_signed(c, 1);
	} else if (mod == 2) {
		i->disp = (int32_t)take(c, 4);
	}
	return reg;
}

static uint8_t operand_size(const struct cursor *c, const struct insn *i)
{
	return i->rex & 8 ? 8 : c->op16 ? 2 : 4;
}

/* op when the operand is memory, else none of ours. */
static enum insn_op store(const struct insn *i, enum insn_op op)
{
	return i->memory ? op : INSN_OTHER;
}

static enum insn_op decode_group_0f01(struct cursor *c, struct insn *i)
{
	uint8_t second = c->at < c->end ? *c->at : 0;
	unsigned ext = take_modrm(c, i);

	if (second == 0xd9) {
		return INSN_SHORT;	/* VMMCALL */
	}
	i->size = 2;
	if (ext == 6) {
		return INSN_LMSW;
	}
	return ext == 7 ? store(i, INSN_INVLPG) : INSN_OTHER;
}

static enum insn_op decode_0f(struct cursor *c, struct insn *i)
{
	uint8_t op = (uint8_t)take(c, 1);
	uint8_t wide = operand_size(c, i);

	i->size = op & 1 ? wide : 1;
	switch (op) {
	case 0x01:
		return decode_group_0f01(c, i);
	case 0x06:
		return INSN_CLTS;
	case 0x20:
	case 0x22:
		i->ext = (uint8_t)take_modrm(c, i) | (i->rex & 4 ? 8 : 0);
		i->reg = i->base;
		return INSN_MOV_CR;
	case 0x30:
	case 0x32:
	case 0xa2:
		return INSN_SHORT;
	case 0xb0:
	case 0xb1:
		take_modrm(c, i);
		return store(i, INSN_CMPXCHG);
	case 0xc0:
	case 0xc1:
		take_modrm(c, i);
		return store(i, INSN_XADD);
	case 0xc3:	/* MOVNTI */
		take_modrm(c, i);
		return store(i, INSN_MOV_REG);
	case 0xab:
	case 0xb3:
	case 0xbb:
		i->size = wide;
		i->ext = op == 0xab ? 5 : op == 0xb3 ? 6 : 7;
		take_modrm(c, i);
		return store(i, INSN_BIT_REG);
	case 0xba:
		i->size = wide;
		i->ext = (uint8_t)take_modrm(c, i);
		i->imm = take(c, 1);
		return i->ext >= 5 ? store(i, INSN_BIT_IMM) : INSN_OTHER;
	default:
		return INSN_OTHER;
	}
}

static enum insn_op decode_alu(struct cursor *c, struct insn *i, uint8_t op)
{
	unsigned bytes = op == 0x81 ? (i->size < 4 ? i->size : 4) : 1;

	i->ext = (uint8_t)take_modrm(c, i);
	i->imm = take_signed(c, bytes);
	return i->ext < 7 ? store(i, INSN_ALU_IMM) : INSN_OTHER;
}

static enum insn_op decode_1(struct cursor *c, struct insn *i, uint8_t op)
{
	i->size = op & 1 ? operand_size(c, i) : 1;
	if (op < 0x38 && (op & 7) < 2) {
		i->ext = op >> 3;
		take_modrm(c, i);
		return store(i, INSN_ALU_REG);
	}
	switch (op) {
	case 0x80:
	case 0x81:
	case 0x83:
		return decode_alu(c, i, op);
	case 0x86:
	case 0x87:
		take_modrm(c, i);
		return store(i, INSN_XCHG);
	case 0x88:
	case 0x89:
		take_modrm(c, i);
		return store(i, INSN_MOV_REG);
	case 0xc6:
	case 0xc7:
		if (take_modrm(c, i) != 0) {
			return INSN_OTHER;
		}
		i->imm = take_signed(c, i->size < 4 ? i->size : 4);
		return store(i, INSN_MOV_IMM);
	case 0xa4:
	case 0xa5:
		return INSN_MOVS;
	case 0xaa:
	case 0xab:
		return INSN_STOS;
	default:
		return INSN_OTHER;
	}
}

bool insn_decode(const unsigned char *code, unsigned count, bool long_mode,
		 struct insn *out)
{
	struct cursor c = {
		.at = code,
		.end = code + (count < 15 ? count : 15),
		.long_mode = long_mode,
	};

	*out = (struct insn){ .base = 16, .index = 16 };
	uint8_t op = take_prefixes(&c, out);

	out->address_bytes = long_mode && !c.addr_short ? 8 : 4;
	out->op = op == 0x0f ? decode_0f(&c, out) : decode_1(&c, out, op);
	if (!long_mode && c.addr_short) {
		out->op = INSN_OTHER;	/* 16-bit addressing */
	}
	out->bytes = (uint8_t)(c.at - code);
	return !c.over;
}
