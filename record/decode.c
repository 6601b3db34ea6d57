/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/decode.h"

#include <string.h>

struct cursor {
	const uint8_t *p;
	size_t left;
	uint8_t rex;
	uint8_t modrm;
};

static unsigned int next(struct cursor *c)
{
	if (c->left == 0) {
		return 0;
	}
	c->left--;
	return *c->p++;
}

static int32_t next_disp(struct cursor *c, unsigned int bytes)
{
	uint32_t v = 0;

	for (unsigned int i = 0; i < bytes; i++) {
		v |= (uint32_t)next(c) << 8 * i;
	}
	return bytes == 1 ? (int8_t)v : (int32_t)v;
}

/* The memory operand behind a ModRM byte. */
static void take_memory(struct cursor *c, struct record_insn *i)
{
	unsigned int mod = c->modrm >> 6;
	unsigned int rm = c->modrm & 7;

	i->base = (uint8_t)(rm | (c->rex & 1u) << 3);
	i->index = RECORD_NO_REG;
	if (rm == 4) {
		unsigned int sib = next(c);
		unsigned int index = (sib >> 3 & 7) | (c->rex & 2u) << 2;

		i->base = (uint8_t)((sib & 7) | (c->rex & 1u) << 3);
		i->scale = (uint8_t)(1u << (sib >> 6));
		i->index = index == 4 ? RECORD_NO_REG : (uint8_t)index;
		if ((sib & 7) == 5 && mod == 0) {
			i->base = RECORD_NO_REG;
			i->disp = next_disp(c, 4);
		}
	} else if (rm == 5 && mod == 0) {
		i->base = RECORD_RIP;
		i->disp = next_disp(c, 4);
	}
	if (mod == 1 || mod == 2) {
		i->disp = next_disp(c, mod == 1 ? 1 : 4);
	}
}

static void take_0f01(struct cursor *c, struct record_insn *i)
{
	unsigned int reg = c->modrm >> 3 & 7;

	if (reg == 6) {
		i->kind = INSN_LMSW;
	} else if (c->modrm >> 6 != 3 && (reg == 3 || reg == 7)) {
		i->kind = reg == 3 ? INSN_LIDT : INSN_INVLPG;
		take_memory(c, i);
	}
}

static void take_0f(struct cursor *c, struct record_insn *i)
{
	switch (next(c)) {
	case 0x01:
		c->modrm = (uint8_t)next(c);
		take_0f01(c, i);
		break;
	case 0x06:
		i->kind = INSN_CLTS;
		break;
	case 0x22:
		c->modrm = (uint8_t)next(c);
		i->kind = INSN_MOV_CR;
		i->cr = (uint8_t)((c->modrm >> 3 & 7) | (c->rex & 4u) << 1);
		i->reg = (uint8_t)((c->modrm & 7) | (c->rex & 1u) << 3);
		break;
	case 0x30:
		i->kind = INSN_WRMSR;
		break;
	case 0x38:
		if (next(c) == 0x82) {
			c->modrm = (uint8_t)next(c);
			i->kind = INSN_INVPCID;
			i->reg = (uint8_t)((c->modrm >> 3 & 7) |
					   (c->rex & 4u) << 1);
			take_memory(c, i);
		}
		break;
	case 0xa2:
		i->kind = INSN_CPUID;
		break;
	default:
		break;
	}
}

struct record_insn record_decode(const uint8_t *code, size_t bytes,
				 uint64_t ip)
{
	static const uint8_t prefixes[] = {
		0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64,
		0x65,
	};
	struct record_insn i = { .kind = INSN_OTHER };
	struct cursor c = { .p = code, .left = bytes };
	unsigned int op = next(&c);

	while (memchr(prefixes, (int)op, sizeof(prefixes)) && c.left) {
		op = next(&c);
	}
	if (op >> 4 == 4) {
		c.rex = (uint8_t)op;
		op = next(&c);
	}
	if (op == 0x0f) {
		take_0f(&c, &i);
	}
	i.rip = ip + bytes;
	return i;
}
