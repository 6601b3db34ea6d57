/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unsync, flush and reclaim with two vcpus: one gpte in one primary leaf
 * table, its shadow page, one mapping of the table's own frame, and a TLB per
 * vcpu. Each vcpu runs guest and engine steps in any order; a third process
 * takes the shadow page back whenever it likes.
 *
 * What must hold: a translation that a vcpu uses is a value that the gpte has
 * had since that vcpu's last flush point. And whenever the lock is free, a
 * table that counts as synced is write-protected and its spte is absent or
 * equal to the gpte.
 *
 * Each BREAK_... breaks one rule; the check must then find the error. Memory
 * is sequentially consistent here: that the flag and the mapping are written
 * in that order by a weakly ordered CPU is the business of the race tests.
 */

#define VCPUS 2
#define ABSENT 0		/* values of the gpte: 0, 1, 2 */
#define GARBAGE 3		/* what the page holds for its next owner */

#define FREE 0			/* uses of the page that holds the spte */
#define SHADOW 1
#define OTHER 2

byte gpte = ABSENT;
byte spte = ABSENT;
byte page = FREE;
bit linked = 0;			/* the parent's entry points to the page */
bit writable = 1;		/* the mapping of the table's frame */
bit unsync = 0;
bit lock = 0;

/* Per vcpu: what its TLB and its table cache hold, what would be legal. */
byte tlb[VCPUS];
bit tlb_writable[VCPUS];
bit cached_table[VCPUS];
byte legal[VCPUS];		/* bit v: value v */

inline acquire()
{
	atomic { lock == 0 -> lock = 1 }
}

inline release()
{
	d_step {
		assert(page != SHADOW || unsync ||
		       (!writable && (spte == ABSENT || spte == gpte)));
		lock = 0
	}
}

inline guest_store(x)
{
	d_step {
		gpte = x;
		legal[0] = legal[0] | (1 << x);
		legal[1] = legal[1] | (1 << x)
	}
}

inline flush_one(v)
{
	d_step {
		tlb[v] = ABSENT;
		tlb_writable[v] = 0;
		cached_table[v] = 0
	}
}

/* One vcpu after the other: the others run on in between. */
inline flush_all()
{
	flush_one(0);
	flush_one(1)
}

#ifdef BREAK_STORE_BEFORE_DROP
#define drop() skip
#define drop_late() spte = ABSENT
#else
#define drop() spte = ABSENT
#define drop_late() skip
#endif

/* The guest stores to its table, but the frame is traced. */
inline trace_fault()
{
	acquire();
	if
	:: writable -> skip		/* somebody was faster */
	:: !writable && page != SHADOW -> writable = 1
	:: !writable && page == SHADOW ->
		if
		/* Emulate: a flush point elsewhere may fall in between. */
		:: drop(); guest_store(0); drop_late()
		:: drop(); guest_store(1); drop_late(); spte = 1
		:: drop(); guest_store(2); drop_late(); spte = 2
		:: /* open it until the next flush point */
#ifdef BREAK_UNSYNC_ORDER
			writable = 1;
			unsync = 1
#else
			unsync = 1;
			writable = 1
#endif
		fi
	fi;
	release()
}

inline hidden_fault()
{
	acquire();
	if
	:: page == SHADOW ->
		spte = gpte;
		linked = 1
	:: page == FREE ->
		page = SHADOW;
#ifdef BREAK_READ_BEFORE_PROTECT
		spte = gpte;
#endif
		writable = 0;
		flush_all();
#ifndef BREAK_READ_BEFORE_PROTECT
		spte = gpte;
#endif
		unsync = 0;
		linked = 1
	:: page == OTHER -> skip	/* no memory; try again later */
	fi;
	release()
}

inline sync()
{
	acquire();
	if
	:: unsync && page == SHADOW ->
		writable = 0;
#ifndef BREAK_SYNC_WITHOUT_FLUSH
		flush_all();
#endif
		/* The flag goes last: whoever sees it clear does not wait. */
#ifdef BREAK_CLEAR_FLAG_FIRST
		unsync = 0;
		spte = gpte
#else
		spte = gpte;
		unsync = 0
#endif
	:: else -> skip
	fi;
	release()
}

/* INVLPG or a CR3 load; from here on only the present value is legal. */
inline flush_point(v)
{
	legal[v] = 1 << gpte;
#ifndef BREAK_NO_SYNC
	if
	:: unsync -> sync()		/* looked at without the lock */
	:: else -> skip
	fi;
#endif
	flush_one(v)
}

/* The CPU walks our tables, from the root or from its table cache. */
inline walk(v)
{
	d_step {
		cached_table[v] = 1;
		if
		:: page == SHADOW -> tlb[v] = spte
		:: else -> tlb[v] = GARBAGE
		fi
	}
}

proctype vcpu(byte me)
{
	do
	:: tlb_writable[me] ->
		/* A store may come late, but not after a flush. */
		if
		:: atomic { tlb_writable[me] -> guest_store(0) }
		:: atomic { tlb_writable[me] -> guest_store(1) }
		:: atomic { tlb_writable[me] -> guest_store(2) }
		:: !tlb_writable[me] -> skip
		fi
	:: atomic { !tlb_writable[me] && writable -> tlb_writable[me] = 1 }
	:: !tlb_writable[me] && !writable -> trace_fault()
	:: atomic { tlb[me] != ABSENT ->
		assert(legal[me] & (1 << tlb[me])) }
	:: atomic { tlb[me] == ABSENT && (linked || cached_table[me]) ->
		walk(me) }
	:: tlb[me] == ABSENT && !(linked && spte != ABSENT) && gpte != ABSENT ->
		hidden_fault()
	:: flush_point(me)
	od
}

proctype reclaim()
{
	do
	:: page == SHADOW ->
		acquire();
		if
		:: page == SHADOW ->
			linked = 0;
#ifdef BREAK_FREE_BEFORE_FLUSH
			unsync = 0;
			page = OTHER;
			flush_all()
#else
			flush_all();
			unsync = 0;
			page = OTHER
#endif
		:: else -> skip
		fi;
		release()
	:: page == OTHER -> page = FREE
	od
}

init {
	atomic {
		legal[0] = 1;
		legal[1] = 1;
		run vcpu(0);
		run vcpu(1);
		run reclaim()
	}
}
