/* SPDX-License-Identifier: BSD-2-Clause */
/* Instructions behind 0x0f and VEX, most of them of vectors. */
#include "record/operands_int.h"

/* The same behind 0x0f. */
uint8_t operand_plain_two(uint8_t op)
{
	static const uint8_t table[256] = {
		[0x10] = VECTOR | READ_E, [0x11] = VECTOR | WRITE_E,
		[0x14] = VECTOR | READ_E, [0x15] = VECTOR | READ_E,
		[0x1f] = MODRM,
		[0x28] = VECTOR | READ_E, [0x29] = VECTOR | WRITE_E,
		[0x2a] = VECTOR | READ_E,
		[0x2c] = VECTOR | LOAD, [0x2d] = VECTOR | LOAD,
		[0x2e] = VECTOR | READ_E, [0x2f] = VECTOR | READ_E,
		[0x50] = VECTOR | LOAD,
		[0x6e] = VECTOR | READ_E, [0x6f] = VECTOR | READ_E,
		[0x70] = VECTOR | READ_E,
		[0x74] = VECTOR | READ_E, [0x75] = VECTOR | READ_E,
		[0x76] = VECTOR | READ_E,
		[0x7e] = VECTOR | WRITE_E, [0x7f] = VECTOR | WRITE_E,
		[0xaf] = LOAD, [0xb6] = LOAD, [0xb7] = LOAD,
		[0xbc] = LOAD, [0xbd] = LOAD, [0xbe] = LOAD, [0xbf] = LOAD,
		[0xc6] = VECTOR | READ_E,
		[0xd6] = VECTOR | WRITE_E, [0xd7] = VECTOR | LOAD,
		[0xe6] = 0, [0xe7] = VECTOR | WRITE_E, [0xf7] = 0,
	};

	if ((op & 0xf0) == 0x40) {
		return LOAD;			/* cmov reads in any case */
	}
	if ((op & 0xf0) == 0x90) {
		return WRITE_E | BYTE;		/* setcc */
	}
	/* Arithmetic of floating point numbers, then of integers. */
	if ((op >= 0x51 && op <= 0x6d && op != 0x5a) ||
	    (op >= 0xd8 && !table[op] && op != 0xe6 && op != 0xf0 &&
	     op != 0xf7 && op != 0xff)) {
		return VECTOR | READ_E;
	}
	return table[op];
}

/* Bytes of a whole vector. */
static uint8_t whole(const struct code *c)
{
	return c->is_long ? 32 : 16;
}

/* Bytes of a vector operand in memory; 0: not known here. */
static uint8_t vector_size(const struct code *c, uint8_t op)
{
	bool scalar = c->repeat != 0;
	uint8_t number = c->rex & 8 ? 8 : 4;

	switch (op) {
	case 0x10: case 0x11: case 0x51: case 0x58: case 0x59: case 0x5c:
	case 0x5d: case 0x5e: case 0x5f:
		return c->repeat == 0xf2 ? 8 : c->repeat == 0xf3 ? 4 :
		       whole(c);
	case 0x2a:
		return scalar ? number : 0;
	case 0x2c: case 0x2d:
		return c->repeat == 0xf2 ? 8 : scalar ? 4 : 0;
	case 0x2e: case 0x2f:
		return scalar ? 0 : c->is_word ? 8 : 4;
	case 0x52: case 0x53:
		return c->is_word || scalar ? 0 : whole(c);
	case 0x6e:
		return scalar || !c->is_word ? 0 : number;
	case 0x6f: case 0x7f: case 0x70:
		return c->is_word || c->repeat == 0xf3 ||
		       (scalar && op == 0x70) ? whole(c) : 0;
	case 0x7e:
		return c->repeat == 0xf3 ? 8 : scalar || !c->is_word ? 0 :
		       number;
	case 0xd6:
		return c->is_word && !scalar ? 8 : 0;
	case 0x14: case 0x15: case 0x28: case 0x29: case 0xc6:
	case 0x54: case 0x55: case 0x56: case 0x57:
		return scalar ? 0 : whole(c);
	default:	/* of integers; without 0x66 they are MMX's */
		return c->is_word && !scalar ? whole(c) : 0;
	}
}

bool operand_take_vector(struct code *c, struct operands *o, uint8_t op,
			 unsigned what)
{
	o->size = vector_size(c, op);
	if ((what & WRITE_G) == WRITE_G) {
		o->clobbers = operand_bit(c->reg);
	}
	if (c->mod == 3) {
		/* movd and movq write a general register. */
		if (op == 0x7e && c->repeat != 0xf3) {
			o->clobbers = operand_bit(c->rm);
		}
		return true;
	}
	/* With 0xf3, 0x7e is a load. */
	o->kinds = (what & READ_E) == READ_E ||
		   (op == 0x7e && c->repeat) ? OPERANDS_READ : OPERANDS_WRITE;
	return o->size != 0 && op != 0x50 && op != 0xd7;
}

/* 0xc5 or 0xc4: the prefixes of a vector instruction in two or three bytes. */
bool operand_take_vex(struct code *c, uint8_t op)
{
	static const uint8_t repeat[4] = { 0, 0, 0xf3, 0xf2 };
	uint8_t one, last;

	if (c->end - c->at < (op == 0xc4 ? 3 : 2) || c->rex || c->is_word ||
	    c->repeat) {
		return false;
	}
	one = last = *c->at++;
	c->rex = one & 0x80 ? 0 : 4;
	if (op == 0xc4) {
		c->rex |= (uint8_t)((one & 0x40 ? 0 : 2) |
				    (one & 0x20 ? 0 : 1));
		last = *c->at++;
		c->rex |= last & 0x80 ? 8 : 0;
		if ((one & 0x1f) != 1) {
			return false;	/* not what 0x0f is without VEX */
		}
	}
	c->is_vex = true;
	c->is_long = last & 4;
	c->is_word = (last & 3) == 1;
	c->repeat = repeat[last & 3];
	return true;
}
