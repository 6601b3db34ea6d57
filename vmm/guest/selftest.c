/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that knows what paging must do and checks that it does: under every
 * mode the same answers, which are those of a CPU.
 */
#include "vmm/guest/guest.h"

static uint64_t root, va, frame_a, frame_b;
static uint64_t *pte;

/* Run a probe and tell the fault: vector << 16 | code, or NO_FAULT. */
#define FAULT_OF(call) (probe_vector = NO_FAULT, probe_armed = 1, (call), \
	probe_armed = 0, \
	probe_vector == NO_FAULT ? NO_FAULT : probe_vector << 16 | probe_code)

#define PF(code) (UINT64_C(14) << 16 | (code))
#define GP0 (UINT64_C(13) << 16)
#define CHECK(cond) do { if (!(cond)) { return __LINE__; } } while (0)

static uint64_t *word(uint64_t address)
{
	return at(address);
}

static void set(uint64_t *e, uint64_t value)
{
	*(volatile uint64_t *)e = value;
	flush_one(va);
}

static unsigned map_and_remap(void)
{
	*word(frame_a) = 0xaaaa;
	*word(frame_b) = 0xbbbb;
	set(pte, frame_a | PTE_P | PTE_W);
	CHECK(probe_load(va) == 0xaaaa);
	set(pte, frame_b | PTE_P | PTE_W);
	CHECK(probe_load(va) == 0xbbbb);
	probe_store(va + 8, 0xcccc);
	CHECK(*word(frame_b + 8) == 0xcccc);
	CHECK(*word(frame_a + 8) == 0);
	return 0;
}

static unsigned faults_tell_why(void)
{
	set(pte, 0);
	CHECK(FAULT_OF(probe_load(va + 5)) == PF(0));
	CHECK(probe_cr2 == va + 5);
	CHECK(FAULT_OF(probe_store(va, 1)) == PF(PF_W));
	CHECK(FAULT_OF(probe_exec(va)) == PF(PF_I));
	set(pte, frame_a | PTE_P);
	CHECK(FAULT_OF(probe_load(va)) == NO_FAULT);
	CHECK(FAULT_OF(probe_store(va, 1)) == PF(PF_P | PF_W));
	set(pte, frame_a | PTE_P | PTE_NX);
	CHECK(FAULT_OF(probe_exec(va)) == PF(PF_P | PF_I));
	*(unsigned char *)at(frame_a) = 0xc3;	/* RET */
	set(pte, frame_a | PTE_P);
	CHECK(FAULT_OF(probe_exec(va)) == NO_FAULT);
	return 0;
}

static unsigned upper_levels_count(void)
{
	uint64_t *pde = entry(root, va, 2), was = *pde;

	set(pte, frame_a | PTE_P | PTE_W);
	CHECK(FAULT_OF(probe_store(va, 1)) == NO_FAULT);
	set(pde, was & ~(uint64_t)PTE_W);
	CHECK(FAULT_OF(probe_store(va, 1)) == PF(PF_P | PF_W));
	set(pde, was | PTE_NX);
	CHECK(FAULT_OF(probe_exec(va)) == PF(PF_P | PF_I));
	set(pde, 0);
	CHECK(FAULT_OF(probe_load(va)) == PF(0));
	set(pde, was);
	CHECK(FAULT_OF(probe_store(va, 1)) == NO_FAULT);
	return 0;
}

static unsigned reserved_bits_fault(void)
{
	uint64_t got;

	set(pte, frame_a | PTE_P | PTE_W | UINT64_C(1) << 51);
	got = FAULT_OF(probe_load(va));
	/* TCG leaves P out where it judges by itself: nested mode. */
	CHECK(got == PF(PF_P | PF_RSVD) ||
	      (got == PF(PF_RSVD) && hypercall(HC_MODE, 0) != 1));
	set(pte, 0);
	return 0;
}

static unsigned write_protect_bit(void)
{
	uint64_t cr0 = read_cr0();

	set(pte, frame_a | PTE_P);
	CHECK(FAULT_OF(probe_write_cr0(cr0 & ~(uint64_t)CR0_WP)) == NO_FAULT);
	CHECK(FAULT_OF(probe_store(va, 0x77)) == NO_FAULT);
	CHECK(*word(frame_a) == 0x77);
	CHECK(*pte & PTE_D);
	CHECK(FAULT_OF(probe_write_cr0(cr0 | CR0_WP)) == NO_FAULT);
	CHECK(FAULT_OF(probe_store(va, 0x78)) == PF(PF_P | PF_W));
	return 0;
}

static unsigned accessed_and_dirty(void)
{
	uint64_t *pde = entry(root, va, 2);

	*pde &= ~(uint64_t)PTE_A;
	set(pte, frame_a | PTE_P | PTE_W);
	write_cr3(root);
	probe_load(va);
	CHECK((*pte & (PTE_A | PTE_D)) == PTE_A);
	CHECK(*pde & PTE_A);
	probe_store(va, 1);
	CHECK((*pte & (PTE_A | PTE_D)) == (PTE_A | PTE_D));
	set(pte, *pte & ~(uint64_t)PTE_D);
	probe_store(va, 2);
	CHECK(*pte & PTE_D);
	return 0;
}

static unsigned address_spaces(void)
{
	uint64_t other = root_new();

	set(pte, frame_a | PTE_P | PTE_W);
	*entry(other, va, 1) = frame_b | PTE_P | PTE_W;
	*word(frame_a) = 1;
	*word(frame_b) = 2;
	for (unsigned i = 0; i < 50; i++) {
		write_cr3(other);
		CHECK(probe_load(va) == 2);
		write_cr3(root);
		CHECK(probe_load(va) == 1);
	}
	return 0;
}

/* Every way to store a PTE, the table being mapped by a large page. */
static unsigned ways_to_store(void)
{
	static store_fn *const whole[] = {
		store_xchg, store_cmpxchg, store_halves, store_bytes,
		store_stos, store_movs, store_movnti, store_movups, store_push,
	};
	uint64_t a = frame_a | PTE_P | PTE_W, b = frame_b | PTE_P | PTE_W;

	*word(frame_a) = 0xa1;
	*word(frame_b) = 0xb1;
	for (unsigned i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		set(pte, a);
		CHECK(probe_load(va) == 0xa1);
		whole[i](pte, b);
		flush_one(va);
		CHECK((*pte & ~(uint64_t)(PTE_A | PTE_D)) == b);
		CHECK(probe_load(va) == 0xb1);
	}
	set(pte, a);
	probe_store(va, 0xa1);
	store_btr1(pte, 0);
	flush_one(va);
	CHECK(FAULT_OF(probe_store(va, 3)) == PF(PF_P | PF_W));
	store_bts1(pte, 0);
	flush_one(va);
	CHECK(FAULT_OF(probe_store(va, 0xa1)) == NO_FAULT);
	store_and(pte, ~(uint64_t)PTE_P);
	flush_one(va);
	CHECK(FAULT_OF(probe_load(va)) == PF(0));
	store_or(pte, PTE_P);
	flush_one(va);
	CHECK(probe_load(va) == 0xa1);
	store_xadd(pte, frame_b - frame_a);
	flush_one(va);
	CHECK(probe_load(va) == 0xb1);
	return 0;
}

extern const struct rmw {
	uint64_t (*run)(uint64_t *at, uint64_t rsi, uint64_t flags,
			uint64_t io[2]);
	uint64_t flags;		/* those that it defines */
} rmw_table[], rmw_table_end[];

/* The same instruction on plain memory and on an entry of a table. */
static unsigned one_rmw(const struct rmw *r, uint64_t seed)
{
	uint64_t old = seed * UINT64_C(0x9e3779b97f4a7c15);
	uint64_t rsi = old * UINT64_C(0xbf58476d1ce4e5b9);
	uint64_t rax = seed % 3 ? rsi ^ old : old;

	/* Where carries hide: equal operands, and all ones. */
	rsi = seed % 5 ? seed % 7 ? rsi : UINT64_MAX : old;
	uint64_t plain[2] = { rax, 0 }, traced[2] = { rax, 0 };
	uint64_t flags = 2 | (old >> 20 & RFLAGS_CF), got, want;
	uint64_t *mine = word(frame_b), *entry = pte + 7;

	*mine = old;
	*(volatile uint64_t *)entry = old;
	/* A table that is not used is not traced for long. */
	set(pte, frame_a | PTE_P | PTE_W);
	CHECK(FAULT_OF(probe_load(va)) == NO_FAULT);
	want = r->run(mine, rsi, flags, plain);
	got = r->run(entry, rsi, flags, traced);
	CHECK(*mine == *entry);
	CHECK(plain[0] == traced[0] && plain[1] == traced[1]);
	CHECK((want & r->flags) == (got & r->flags));
	return 0;
}

static unsigned arithmetic_on_tables(void)
{
	unsigned line = 0, n = (unsigned)(rmw_table_end - rmw_table);

	for (unsigned i = 0; i < 40 * n && !line; i++) {
		line = one_rmw(&rmw_table[i % n], i + 1);
		if (line) {
			say_hex("  instruction number ", i % n);
		}
	}
	pte[7] = 0;
	return line;
}

/* A store over the end of a table page, and one over its start. */
static unsigned stores_across_pages(void)
{
	uint64_t t = *entry(root, va, 2) & PTE_FRAME;
	uint64_t last = (va & ~UINT64_C(0x1fffff)) | 0x1ff000;
	uint64_t *e = entry(root, last, 1);

	CHECK((uint64_t)e == t + 0xff8);
	*e = frame_a | PTE_P | PTE_W;
	flush_one(last);
	CHECK(FAULT_OF(probe_load(last)) == NO_FAULT);
	/* The upper half of the entry, and four bytes of the next page. */
	probe_store(t + 0xffc, UINT64_C(0x1234567800000000));
	CHECK(*(uint32_t *)at(t + 0x1000) == 0x12345678);
	flush_one(last);
	CHECK(FAULT_OF(probe_load(last)) == NO_FAULT);
	probe_store(t + 0xffc, UINT64_C(1) << 19);	/* bit 51 */
	flush_one(last);
	CHECK(FAULT_OF(probe_load(last)) != NO_FAULT);
	*e = 0;
	return 0;
}

static unsigned exception_onto_a_table(void)
{
	uint64_t t = *entry(root, va, 2) & PTE_FRAME;

	set(pte, frame_a | PTE_P | PTE_W);
	CHECK(FAULT_OF(probe_load(va)) == NO_FAULT);
	/* Its frame lands on the table's last entries; ours is the first. */
	CHECK(FAULT_OF(probe_ud_on_stack(t + PAGE)) ==
	      (uint64_t)VEC_UD << 16);
	CHECK(word(t + PAGE)[-4] == 0x10);	/* CS */
	for (unsigned i = 1; i <= 16; i++) {
		word(t + PAGE)[-(int)i] = 0;
	}
	CHECK(FAULT_OF(probe_load(va)) == NO_FAULT);
	return 0;
}

static unsigned table_becomes_data_and_back(void)
{
	uint64_t *pde = entry(root, va, 2), was = *pde;
	uint64_t t = was & PTE_FRAME;

	for (unsigned round = 0; round < 3; round++) {
		set(pte, frame_a | PTE_P | PTE_W);
		CHECK(FAULT_OF(probe_load(va)) == NO_FAULT);
		*pde = 0;
		write_cr3(root);
		for (unsigned i = 0; i < 512; i++) {
			((volatile uint64_t *)at(t))[i] = i * 0x1111 + round;
		}
		CHECK(FAULT_OF(probe_load(va)) == PF(0));
		for (unsigned i = 0; i < 512; i++) {
			CHECK(word(t)[i] == i * 0x1111 + round);
			((volatile uint64_t *)at(t))[i] = 0;
		}
		*pde = was;
		write_cr3(root);
	}
	return 0;
}

static unsigned recursive_map(void)
{
	/* Slot 511 of the root is the root. */
	uint64_t base = UINT64_C(0xffffff8000000000);
	uint64_t *self = at(base + (va >> 9 & UINT64_C(0x7ffffffff8)));

	word(root)[511] = root | PTE_P | PTE_W;
	write_cr3(root);
	*word(frame_a) = 0xa2;
	*word(frame_b) = 0xb2;
	set(pte, frame_a | PTE_P | PTE_W);
	CHECK((probe_load((uint64_t)self) & PTE_FRAME) == frame_a);
	CHECK(probe_load(va) == 0xa2);
	set(self, frame_b | PTE_P | PTE_W);
	CHECK(probe_load(va) == 0xb2);
	CHECK((*pte & PTE_FRAME) == frame_b);
	word(root)[511] = 0;
	write_cr3(root);
	CHECK(FAULT_OF(probe_load((uint64_t)self)) == PF(0));
	return 0;
}

static unsigned large_pages(void)
{
	uint64_t big = va + UINT64_C(0x40000000), *pde = entry(root, big, 2);
	uint64_t mem = UINT64_C(0x8000000);

	*word(mem + 0x5000) = 0x5555;
	*pde = mem | PTE_P | PTE_W | PTE_PS;
	CHECK(probe_load(big + 0x5000) == 0x5555);
	CHECK(*pde & PTE_A);
	CHECK(!(*pde & PTE_D));
	probe_store(big + 0x6000, 0x6666);
	CHECK(*pde & PTE_D);
	CHECK(*word(mem + 0x6000) == 0x6666);
	/* Bits 20..13 are reserved in a 2M leaf. */
	*pde |= 0x2000;
	flush_one(big);
	CHECK(FAULT_OF(probe_load(big)) != NO_FAULT);
	*pde = 0;
	flush_one(big);
	CHECK(FAULT_OF(probe_load(big)) == PF(0));
	return 0;
}

static unsigned illegal_registers(void)
{
	uint64_t cr4 = read_cr4(), cr0 = read_cr0();

	CHECK(FAULT_OF(probe_write_cr4(cr4 | UINT64_C(1) << 30)) == GP0);
	CHECK(FAULT_OF(probe_write_cr4(cr4 & ~(uint64_t)CR4_PAE)) == GP0);
	CHECK(FAULT_OF(probe_write_cr0(cr0 & ~(uint64_t)CR0_PE)) == GP0);
	CHECK(FAULT_OF(probe_load(UINT64_C(1) << 47)) == GP0);
	CHECK(FAULT_OF(probe_invlpg(UINT64_C(1) << 47)) == NO_FAULT);
	CHECK(read_cr4() == cr4 && read_cr0() == cr0);
	return 0;
}

/* A fork: share a table's worth of frames read-only, copy on write. */
static unsigned copy_on_write(void)
{
	uint64_t child = root_new(), base = va + UINT64_C(0x10000000);

	for (uint64_t i = 0; i < 64; i++) {
		uint64_t f = page_new();

		*word(f) = i;
		*entry(root, base + i * PAGE, 1) = f | PTE_P | PTE_W;
		CHECK(probe_load(base + i * PAGE) == i);
	}
	for (uint64_t i = 0; i < 64; i++) {
		uint64_t *e = entry(root, base + i * PAGE, 1);

		*e &= ~(uint64_t)PTE_W;
		*entry(child, base + i * PAGE, 1) = *e;
	}
	write_cr3(child);
	for (uint64_t i = 0; i < 64; i += 3) {
		uint64_t *e = entry(child, base + i * PAGE, 1), f;

		CHECK(FAULT_OF(probe_store(base + i * PAGE, 1000 + i)) ==
		      PF(PF_P | PF_W));
		f = page_new();
		*word(f) = *word(*e & PTE_FRAME);
		*e = f | PTE_P | PTE_W;
		flush_one(base + i * PAGE);
		CHECK(FAULT_OF(probe_store(base + i * PAGE, 1000 + i)) ==
		      NO_FAULT);
	}
	write_cr3(root);
	for (uint64_t i = 0; i < 64; i++) {
		CHECK(probe_load(base + i * PAGE) == i);
	}
	write_cr3(child);
	for (uint64_t i = 0; i < 64; i++) {
		CHECK(probe_load(base + i * PAGE) == (i % 3 ? i : 1000 + i));
	}
	write_cr3(root);
	return 0;
}

/* The mode changes under a mapping, and back. */
static unsigned live_switch(void)
{
	uint64_t mode = hypercall(HC_MODE, 0);
	bool alone = mode < 2;

	*word(frame_a) = 0xaa;
	*word(frame_b) = 0xbb;
	for (unsigned i = 1; i <= 6; i++) {
		uint64_t old = i % 2 ? frame_a : frame_b;
		uint64_t new = i % 2 ? frame_b : frame_a;

		set(pte, old | PTE_P | PTE_W);
		CHECK(probe_load(va) == (i % 2 ? 0xaa : 0xbb));
		hypercall(HC_SWITCH, (mode + i) % 2);
		CHECK(!alone || hypercall(HC_MODE, 0) == (mode + i) % 2);
		CHECK(probe_load(va) == (i % 2 ? 0xaa : 0xbb));
		set(pte, new | PTE_P);
		CHECK(probe_load(va) == (i % 2 ? 0xbb : 0xaa));
		CHECK(FAULT_OF(probe_store(va, 1)) == PF(PF_P | PF_W));
		CHECK(hypercall(HC_AUDIT, 0) == 1);
	}
	CHECK(!alone || hypercall(HC_MODE, 0) == mode);
	return 0;
}

static unsigned nothing_is_ones(void)
{
	/* Above all RAM and devices: reads give ones, stores vanish. */
	set(pte, UINT64_C(0x2000000000) | PTE_P | PTE_W);
	CHECK(probe_load(va) == UINT64_MAX);
	CHECK(FAULT_OF(probe_store(va, 5)) == NO_FAULT);
	CHECK(probe_load(va) == UINT64_MAX);
	/* The VMM's own memory looks the same. */
	set(pte, UINT64_C(0x30000000) | PTE_P | PTE_W);
	CHECK(probe_load(va) == UINT64_MAX);
	set(pte, 0);
	return 0;
}

static const struct {
	const char *name;
	unsigned (*run)(void);
} tests[] = {
	{ "map_and_remap", map_and_remap },
	{ "faults_tell_why", faults_tell_why },
	{ "upper_levels_count", upper_levels_count },
	{ "reserved_bits_fault", reserved_bits_fault },
	{ "write_protect_bit", write_protect_bit },
	{ "accessed_and_dirty", accessed_and_dirty },
	{ "address_spaces", address_spaces },
	{ "ways_to_store", ways_to_store },
	{ "arithmetic_on_tables", arithmetic_on_tables },
	{ "stores_across_pages", stores_across_pages },
	{ "exception_onto_a_table", exception_onto_a_table },
	{ "table_becomes_data_and_back", table_becomes_data_and_back },
	{ "recursive_map", recursive_map },
	{ "large_pages", large_pages },
	{ "illegal_registers", illegal_registers },
	{ "copy_on_write", copy_on_write },
	{ "nothing_is_ones", nothing_is_ones },
	{ "live_switch", live_switch },
};

uint64_t guest_main(const char *cmdline)
{
	(void)cmdline;
	uint64_t failed = 0;

	traps_init();
	/* SSE for one of the stores, NX for many. */
	probe_write_cr4(read_cr4() | 1u << 9);
	probe_write_efer(EFER_LME | EFER_LMA | EFER_NXE);
	probe_write_cr0(read_cr0() | CR0_WP | CR0_MP);
	root = root_new();
	va = WINDOW;
	pte = entry(root, va, 1);
	/* The table's neighbour is ours too: see stores_across_pages. */
	page_new();
	frame_a = page_new();
	frame_b = page_new();
	write_cr3(root);
	for (unsigned i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		unsigned line = tests[i].run();

		if (line) {
			failed++;
			say(tests[i].name);
			say_hex("  FAILED at line ", line);
			say_hex("  vector ", probe_vector);
			say_hex("  code ", probe_code);
		}
		if (hypercall(HC_AUDIT, 0) != 1) {
			failed++;
			say(tests[i].name);
			say("  leaves an audit that fails");
		}
	}
	say_hex("selftest failed: ", failed);
	return failed;
}
