/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two vcpus that fill leaves at the same time, on the shared side of the vm's
 * lock (docs/decisions/0005-shared-fill.md): one entry of an open table, whose
 * gpte the guest changes as it likes, a second entry that maps the same frame
 * and so stands in the same reverse map, and a host that moves the frames.
 *
 * What must hold: a translation that a vcpu uses is a value that the gpte has
 * had since that vcpu's last flush point, and leads to the host frame of now.
 * And whenever one holds the vm alone, an spte has the snapshot that it was
 * made from, the reverse maps name each leaf once, and nobody has left a claim
 * behind.
 *
 * Each BREAK_... breaks one rule; the check must then find the error.
 */

#define VCPUS 2
#define ABSENT 0		/* the gpte says frame 1 or frame 2 */

byte gpte = 1;
byte spte = ABSENT;
bit spte_host;			/* which host frame it holds */
byte snap = ABSENT;
bit busy;			/* claims: of the entry, */
bit twin;			/* of the second entry, present and claimed */
bit twin_busy;
byte list[3];			/* references to frames 1 and 2 */
bit list_busy[3];

bit host;			/* where the host has the frames now */
bit alone;			/* one holds the vm alone */
bit inside[VCPUS];		/* this vcpu holds it with others */

byte tlb[VCPUS];
bit tlb_host[VCPUS];
byte legal[VCPUS];		/* bit v: value v */

inline take_shared(v)
{
	atomic { !alone -> inside[v] = 1 }
}

inline let_go_shared(v)
{
	inside[v] = 0
}

inline take_alone()
{
#ifdef BREAK_ALONE_TOO_EARLY
	atomic { !alone -> alone = 1 }
#else
	d_step { !alone && !inside[0] && !inside[1] -> alone = 1;
		assert(!busy && !twin_busy && !list_busy[1] &&
		       !list_busy[2]);
		assert(spte == ABSENT || snap == spte);
		assert(list[1] == (spte == 1) + twin);
		assert(list[2] == (spte == 2))
	}
#endif
}

inline let_go_alone()
{
	alone = 0
}

inline guest_store(x)
{
	d_step {
		gpte = x;
		legal[0] = legal[0] | (1 << x);
		legal[1] = legal[1] | (1 << x)
	}
}

/* gn_sh_refs_put(): ok tells whether the reference is in the list. */
inline file(f)
{
	n = list[f];
#ifdef BREAK_LIST_CLAIM
	ok = 1;
	list[f] = n + 1
#else
	atomic {
		if
		:: !list_busy[f] && list[f] == n -> list_busy[f] = 1; ok = 1
		:: else -> ok = 0
		fi
	}
	if
	:: ok -> d_step { list[f] = n + 1; list_busy[f] = 0 }
	:: !ok -> skip
	fi
#endif
}

inline drop()
{
	if
	:: spte != ABSENT -> list[spte] = list[spte] - 1; spte = ABSENT
	:: spte == ABSENT -> skip
	fi
}

/* gn_sh_fault(): everything anew, for nobody else is there. */
inline fill_alone(v)
{
	take_alone();
	d_step {
#ifndef BREAK_OLD_WALK
		g = gpte;
#endif
		drop();
		snap = g;
		spte = g;
		spte_host = host;
		list[g] = list[g] + 1
	};
	let_go_alone()
}

/* gn_sh_put_leaf() on a hole, and what comes before it. */
inline fill_shared(v)
{
#ifdef BREAK_FRAME_BEFORE_LOCK
	h = host;
#endif
#ifndef BREAK_NO_LOCK
	take_shared(v);
#endif
	g = gpte;
#ifndef BREAK_FRAME_BEFORE_LOCK
	h = host;
#endif
#ifdef BREAK_SNAPSHOT_OUTSIDE
	snap = g;
#endif
	atomic {
		if
#ifdef BREAK_NO_CLAIM
		:: spte == ABSENT -> ok = 1
#else
		:: spte == ABSENT && !busy -> busy = 1; ok = 1
#endif
		:: else -> skip
		fi
	}
	if
	:: ok ->
#ifndef BREAK_SNAPSHOT_OUTSIDE
		snap = g;
#endif
		file(g);
		if
		:: ok -> d_step {
			spte = g;
			spte_host = h;
			busy = 0
		}
		:: !ok -> busy = 0
		fi
	:: !ok -> skip
	fi;
	let_go_shared(v);
	if
	:: !ok -> fill_alone(v)
	:: ok -> skip
	fi;
	d_step { g = ABSENT; n = 0; h = 0; ok = 0 }
}

/* The same for the second entry, whose gpte always says frame 1. */
inline fill_twin(v)
{
	take_shared(v);
	atomic {
		if
		:: !twin && !twin_busy -> twin_busy = 1; ok = 1
		:: else -> ok = 0
		fi
	}
	if
	:: ok ->
		file(1);
		d_step {
			twin = ok;
			twin_busy = 0
		}
	:: !ok -> skip
	fi;
	let_go_shared(v);
	d_step { n = 0; ok = 0 }
}

/* INVLPG or a CR3 load; from here on only the present value is legal. */
inline flush_point(v)
{
	legal[v] = 1 << gpte;
	take_alone();
	d_step {
		if
		:: snap != gpte -> drop(); snap = gpte
		:: else -> skip
		fi
	};
	let_go_alone();
	tlb[v] = ABSENT
}

proctype vcpu(byte me)
{
	byte g, n;
	bit h, ok;

	do
	:: guest_store(1)
	:: guest_store(2)
	:: atomic { tlb[me] != ABSENT ->
		assert(legal[me] & (1 << tlb[me]));
		assert(tlb_host[me] == host) }
	:: atomic { tlb[me] == ABSENT && spte != ABSENT ->
		tlb[me] = spte;
		tlb_host[me] = spte_host }
	:: tlb[me] == ABSENT && spte == ABSENT ->
		fill_shared(me)
	:: !twin -> fill_twin(me)
	:: flush_point(me)
	od
}

/* gnomon_host_change_begin() to _end(): the TLBs have followed between. */
proctype mover()
{
	do
	:: take_alone();
		d_step {
			drop();
			if
			:: twin -> twin = 0; list[1] = list[1] - 1
			:: else -> skip
			fi
		}
		d_step { tlb[0] = ABSENT; tlb[1] = ABSENT };
		d_step { host = !host };
		let_go_alone()
	od
}

init {
	atomic {
		legal[0] = 2;
		legal[1] = 2;
		run vcpu(0);
		run vcpu(1);
		run mover()
	}
}
