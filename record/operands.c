/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/operands_int.h"

#include <stddef.h>
#include <string.h>

static int64_t signed_at(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;

	memcpy(&value, at, bytes);
	return (int64_t)(value << (64 - 8 * bytes)) >> (64 - 8 * bytes);
}

/* Bytes of a whole operand. */
static uint8_t size_of(const struct code *c)
{
	return c->rex & 8 ? 8 : c->is_word ? 2 : 4;
}

/* ---- prefixes and ModRM ------------------------------------------------- */

/* False for prefixes that change more than is known here. */
static bool take_prefixes(struct code *c, struct operands *o)
{
	for (; c->at < c->end; c->at++) {
		uint8_t b = *c->at;

		if (b == 0x66) {
			c->is_word = true;
		} else if (b == 0xf2 || b == 0xf3) {
			c->repeat = b;
		} else if (b == 0x64 || b == 0x65) {
			o->segment = b;
		} else if (b != 0x2e && b != 0x36 && b != 0x3e && b != 0x26) {
			break;
		}
	}
	if (c->at < c->end && (*c->at & 0xf0) == 0x40) {
		c->rex = *c->at++;
	}
	return c->at < c->end && *c->at != 0xf0 && *c->at != 0x67;
}

static bool take_sib(struct code *c, struct operands *o)
{
	uint8_t sib;

	if (c->at >= c->end) {
		return false;
	}
	sib = *c->at++;
	o->scale = (uint8_t)(1u << (sib >> 6));
	o->index = (uint8_t)((sib >> 3 & 7) | (c->rex & 2) << 2);
	if (o->index == OPERANDS_RSP) {
		o->index = OPERANDS_NONE;
	}
	o->base = (uint8_t)((sib & 7) | (c->rex & 1) << 3);
	if ((sib & 7) == 5 && c->mod == 0) {
		o->base = OPERANDS_NONE;
	}
	return true;
}

/* Reads it; the memory operand, if it is one, goes to `o`. */
static bool take_modrm(struct code *c, struct operands *o)
{
	unsigned bytes;

	if (c->at >= c->end) {
		return false;
	}
	c->mod = *c->at >> 6;
	c->reg = (uint8_t)((*c->at >> 3 & 7) | (c->rex & 4) << 1);
	c->rm = *c->at & 7;
	c->at++;
	if (c->mod == 3) {
		c->rm |= (uint8_t)((c->rex & 1) << 3);
		return true;
	}
	bytes = c->mod == 1 ? 1 : c->mod == 2 ? 4 : 0;
	if (c->rm == 4) {
		if (!take_sib(c, o)) {
			return false;
		}
		bytes = c->mod == 0 && o->base == OPERANDS_NONE ? 4 : bytes;
	} else if (c->rm == 5 && c->mod == 0) {
		bytes = 4;
		o->disp = (int64_t)c->next_ip;
	} else {
		o->base = (uint8_t)(c->rm | (c->rex & 1) << 3);
	}
	if (c->end - c->at < (ptrdiff_t)bytes) {
		return false;
	}
	if (bytes) {
		o->disp += signed_at(c->at, bytes);
		c->at += bytes;
	}
	return true;
}

/* A byte register without REX may be the second byte of another one. */
static uint16_t clobbered(const struct code *c, unsigned reg, bool byte)
{
	return (uint16_t)(operand_bit(reg) |
			  (byte && !c->rex ? operand_bit(reg & 3) : 0));
}

/* ---- opcodes ------------------------------------------------------------ */

/* add or adc and sbb and sub xor cmp */
static uint8_t arithmetic(uint8_t op)
{
	bool keeps = (op & 0x38) != 0x38;
	uint8_t byte = op & 1 ? 0 : BYTE;

	return (op & 2 ? keeps ? LOAD : READ_E : keeps ? CHANGE_E : READ_E) |
	       byte;
}

/* Opcodes of one byte with ModRM whose operands do not depend on it. */
static uint8_t plain_one(uint8_t op)
{
	static const uint8_t table[256] = {
		[0x63] = LOAD, [0x69] = LOAD, [0x6b] = LOAD,
		[0x84] = READ_E | BYTE, [0x85] = READ_E,
		[0x88] = WRITE_E | BYTE, [0x89] = WRITE_E,
		[0x8a] = LOAD | BYTE, [0x8b] = LOAD,
		[0xc0] = CHANGE_E | BYTE, [0xc1] = CHANGE_E,
		[0xd0] = CHANGE_E | BYTE, [0xd1] = CHANGE_E,
		[0xd2] = CHANGE_E | BYTE, [0xd3] = CHANGE_E,
	};

	return (op & 0xc4) == 0 ? arithmetic(op) : table[op];
}

/* Operands that are as `what` says. */
static bool take_operands(struct code *c, struct operands *o, unsigned what,
			  uint8_t size)
{
	bool byte = (what & BYTE) == BYTE;

	if ((what & WRITE_G) == WRITE_G) {
		o->clobbers |= clobbered(c, c->reg, byte);
	}
	if (c->mod == 3) {
		if ((what & WRITE_E) == WRITE_E) {
			o->clobbers |= clobbered(c, c->rm, byte);
		}
		return true;
	}
	o->size = byte ? 1 : size;
	o->kinds = (uint8_t)(((what & READ_E) == READ_E ? OPERANDS_READ : 0) |
			     ((what & WRITE_E) == WRITE_E ? OPERANDS_WRITE :
							    0));
	return true;
}

/* Register `to` becomes `from` + add, if operands have 8 bytes. */
static void become(const struct code *c, struct operands *o, unsigned to,
		   unsigned from, int64_t add)
{
	if (c->rex & 8) {
		o->clobbers = 0;
		o->to = (uint8_t)to;
		o->from = (uint8_t)from;
		o->add = add;
	}
}

static bool push(struct operands *o)
{
	o->kinds = OPERANDS_WRITE;
	o->size = 8;
	o->base = o->to = o->from = OPERANDS_RSP;
	o->disp = o->add = -8;
	o->segment = 0;
	return true;
}

static bool pop(struct operands *o)
{
	o->kinds = OPERANDS_READ;
	o->size = 8;
	o->base = o->to = o->from = OPERANDS_RSP;
	o->add = 8;
	o->segment = 0;
	return true;
}

static bool leave(struct operands *o)
{
	pop(o);
	o->base = o->from = 5;
	o->clobbers = operand_bit(5);
	return true;
}

static bool lea(struct code *c, struct operands *o)
{
	unsigned from = o->base;
	bool known = o->index == OPERANDS_NONE && !o->segment;

	o->clobbers = operand_bit(c->reg);
	if (known && c->mod != 3) {
		become(c, o, c->reg, from, o->disp);
	}
	o->base = o->index = OPERANDS_NONE;
	o->disp = 0;
	return c->mod != 3;
}

/* Groups 0x80..0x83: arithmetic with a constant. */
static bool with_constant(struct code *c, struct operands *o, uint8_t op)
{
	unsigned which = c->reg & 7;
	unsigned bytes = op != 0x81 ? 1 : c->is_word ? 2 : 4;
	bool good = take_operands(c, o, (which == 7 ? READ_E : CHANGE_E) |
				  (op == 0x80 ? BYTE : 0), size_of(c));

	if (c->end - c->at < (ptrdiff_t)bytes) {
		return false;	/* cut off */
	}
	if (op != 0x80 && c->mod == 3 && (which == 0 || which == 5)) {
		int64_t add = signed_at(c->end - bytes, bytes);

		become(c, o, c->rm, c->rm, which == 0 ? add : -add);
	}
	return good && op != 0x82;
}

/* call and push, of a register or of memory. */
static bool call(struct code *c, struct operands *o)
{
	if (c->is_word) {
		return false;
	}
	if (c->mod == 3) {
		return push(o);
	}
	o->pushes = true;
	o->to = o->from = OPERANDS_RSP;
	o->add = -8;
	return take_operands(c, o, READ_E, 8);
}

/* Groups 0xf6, 0xf7, 0xfe, 0xff. */
static bool take_group(struct code *c, struct operands *o, uint8_t op)
{
	unsigned which = c->reg & 7;
	unsigned byte = op & 1 ? 0 : BYTE;

	if (op < 0xfe) {
		if (which >= 4) {
			o->clobbers = operand_bit(0) | operand_bit(2);
		}
		return take_operands(c, o, (which == 2 || which == 3 ?
				     CHANGE_E : READ_E) | byte, size_of(c));
	}
	if (which < 2) {
		take_operands(c, o, CHANGE_E | byte, size_of(c));
		if (op == 0xff && c->mod == 3) {
			become(c, o, c->rm, c->rm, which == 0 ? 1 : -1);
		}
		return true;
	}
	if (op == 0xff && which == 4 && !c->is_word) {
		return take_operands(c, o, READ_E, 8);	/* jmp */
	}
	return op == 0xff && (which == 2 || which == 6) && call(c, o);
}

/* Without ModRM; false: not known. */
static bool take_short(struct code *c, struct operands *o, uint8_t op)
{
	unsigned reg = (op & 7u) | (c->rex & 1u) << 3;

	if (op < 0x40 && (op & 6) == 4) {	/* rax with a constant */
		o->clobbers = (op & 0x38) == 0x38 ? 0 : operand_bit(0);
		return true;
	}
	if (op >= 0x50 && op < 0x60) {
		if (op < 0x58) {
			return !c->is_word && push(o);
		}
		o->clobbers = operand_bit(reg);
		return !c->is_word && reg != OPERANDS_RSP && pop(o);
	}
	if (op >= 0xb0 && op < 0xc0) {
		o->clobbers = clobbered(c, reg, op < 0xb8);
		return true;
	}
	switch (op) {
	case 0x68: case 0x6a: case 0xe8:
		return !c->is_word && push(o);
	case 0x98:				/* cdqe */
		o->clobbers = operand_bit(0);
		return true;
	case 0x99:				/* cqo */
		o->clobbers = operand_bit(2);
		return true;
	case 0xc3:
		return pop(o);
	case 0xc9:
		return !c->is_word && leave(o);
	case 0x90: case 0xa8: case 0xa9: case 0xe9: case 0xeb:
		return !(op == 0x90 && (c->rex & 1));	/* xchg rax, r8 */
	default:
		return (op & 0xf0) == 0x70;		/* jcc */
	}
}

static bool take_one(struct code *c, struct operands *o, uint8_t op)
{
	unsigned what = plain_one(op);
	bool group = op == 0xf6 || op == 0xf7 || op == 0xfe || op == 0xff;
	bool has_modrm = what || group || op == 0x8d || op == 0xc6 ||
			 op == 0xc7 || (op & 0xfc) == 0x80;

	/* Only jumps and ret know a repetition, as a hint. */
	if (c->repeat && (has_modrm || (op != 0xc3 && op != 0x90 &&
			  op != 0xe8 && op != 0xe9))) {
		return false;
	}
	if (!has_modrm) {
		return take_short(c, o, op);
	}
	if (!take_modrm(c, o)) {
		return false;
	}
	if (group) {
		return take_group(c, o, op);
	}
	if (op == 0x8d) {
		return lea(c, o);
	}
	if ((op & 0xfc) == 0x80) {
		return with_constant(c, o, op);
	}
	if (op == 0xc6 || op == 0xc7) {
		return (c->reg & 7) == 0 && take_operands(c, o, WRITE_E |
				(op == 0xc6 ? BYTE : 0), size_of(c));
	}
	take_operands(c, o, what, op == 0x63 ? 4 : size_of(c));
	if (op == 0x63 && c->is_word) {
		return false;
	}
	if (c->mod == 3 && (op == 0x89 || op == 0x8b)) {
		become(c, o, op == 0x89 ? c->rm : c->reg,
		       op == 0x89 ? c->reg : c->rm, 0);
	}
	return true;
}

static bool take_two(struct code *c, struct operands *o)
{
	uint8_t op = c->at < c->end ? *c->at++ : 0;
	unsigned what = operand_plain_two(op);
	uint8_t size = size_of(c);

	if (c->is_vex && op == 0x77) {
		return true;			/* vzeroupper */
	}
	if (c->is_vex && ((what & VECTOR) != VECTOR)) {
		return false;
	}
	if ((op & 0xf0) == 0x80) {
		return true;			/* jcc */
	}
	if ((op & 0xf8) == 0xc8) {		/* bswap */
		o->clobbers = operand_bit((op & 7u) | (c->rex & 1u) << 3);
		return true;
	}
	if (op == 0x1e && c->repeat == 0xf3 && c->at < c->end &&
	    *c->at == 0xfa) {
		return true;			/* endbr64 */
	}
	if (!what || !take_modrm(c, o)) {
		return false;
	}
	if ((what & VECTOR) == VECTOR) {
		return operand_take_vector(c, o, op, what);
	}
	if (c->repeat && op != 0xbc && op != 0xbd) {
		return false;
	}
	if (op == 0xb6 || op == 0xbe) {
		size = 1;
	} else if (op == 0xb7 || op == 0xbf) {
		size = 2;
	}
	/* Only the source of movzx and movsx is narrow. */
	return take_operands(c, o, what, size);
}

struct operands operands_of(const uint8_t *code, size_t bytes, uint64_t ip)
{
	struct code c = { .at = code, .end = code + bytes,
			  .next_ip = ip + bytes };
	struct operands o = { .base = OPERANDS_NONE, .index = OPERANDS_NONE,
			      .scale = 1, .to = OPERANDS_NONE,
			      .from = OPERANDS_NONE };

	if (!take_prefixes(&c, &o)) {
		return (struct operands){ .exact = false };
	}
	uint8_t op = *c.at++;

	if (op == 0x0f || ((op & 0xfe) == 0xc4 && operand_take_vex(&c, op))) {
		o.exact = take_two(&c, &o);
	} else {
		o.exact = take_one(&c, &o, op);
	}
	return o;
}
