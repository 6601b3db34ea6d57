/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replay of an MMU-level recording into a guest: every event, with what each
 * table store became counted, and with the oracle beside it when asked.
 */
#ifndef SIM_REPLAY_H
#define SIM_REPLAY_H

#include "sim/guest.h"
#include "sim/oracle.h"
#include "sim/rec.h"
#include "sim/replica.h"
#include "sim/run.h"

struct sim_replay {
	struct sim_guest *guest;
	const struct sim_rec_info *info;
	struct sim_error *error;
	uint64_t instr;		/* of the last event */
	uint64_t start_instr;
	bool started;
	bool running;		/* an access was made */
	uint64_t event;		/* number of the event under way */
	struct sim_explain explain;
	struct sim_explain window_start;
	struct sim_explain window;	/* between markers 2 and 3 */
	uint64_t page_faults;
	/* Verification; replica NULL: off. */
	struct sim_replica *replica;
	struct sim_oracle oracle;
	uint64_t verified;
	/* Vcpus that share tables were recorded: what one has taken back
	 * another may still have cached. */
	bool stale;
	bool hit;		/* the access under way needed no walk */
	/* Changes of tables when a vcpu last emptied its TLB; NULL: off. */
	uint64_t *flushed;
	uint64_t final_tables;
	uint64_t audit_every;	/* events; 0: only when asked */
	uint64_t audits;
	void (*failed)(void *ctx, const struct sim_error *error);
	void *failed_ctx;
};

bool sim_replay_init(struct sim_replay *replay, struct sim_guest *guest,
		     const struct sim_rec_info *info, bool verify,
		     struct sim_error *error);
void sim_replay_done(struct sim_replay *replay);
/* False: replay->error says what disagreed. */
bool sim_replay_event(struct sim_replay *replay, const struct sim_event *ev);
/* Audits the engine now. */
bool sim_replay_audit(struct sim_replay *replay);

/* ---- between the files of the replay ------------------------------ */

enum { SIM_ENTRY_BYTES = 8 };

/* The event's instruction pointer, or what stands for it. */
uint64_t sim_replay_rip(const struct sim_replay *replay,
			const struct sim_event *ev);
/* The access, and the oracle's view of it when there is one. */
bool sim_replay_touch(struct sim_replay *replay, unsigned vcpu,
		      struct sim_touch *touch, enum sim_touch_end *end);
/* Fails the run unless the access was made. */
bool sim_replay_done_well(struct sim_replay *replay,
			  const struct sim_touch *touch,
			  enum sim_touch_end end);
/* The guest broke: say at which event; always false. */
bool sim_replay_broken(struct sim_replay *replay);
bool sim_replay_store(struct sim_replay *replay, const struct sim_event *ev);
bool sim_replay_image(struct sim_replay *replay, const struct sim_event *ev);

/* ---- verify.c -------------------------------------------------------- */

/* What the oracle says about the access, before it is made. */
void sim_verify_ask(struct sim_replay *replay, unsigned vcpu,
		    const struct sim_touch *touch,
		    struct sim_oracle_result *answer);
/* Does what happened agree with it? */
bool sim_verify_touch(struct sim_replay *replay, unsigned vcpu,
		      const struct sim_touch *touch, enum sim_touch_end end,
		      const struct sim_oracle_result *answer);
/* Would the store that a request stands for reach its entry? */
bool sim_verify_request(struct sim_replay *replay, const struct sim_event *ev);
/* Does guest memory hold the entry that a store left? */
bool sim_verify_entry(struct sim_replay *replay, uint64_t gpa,
		      uint64_t value);
bool sim_verify_final(struct sim_replay *replay, const struct sim_event *ev);

/* Says that this event went wrong; always false. */
bool sim_replay_fail(struct sim_replay *replay, enum sim_error_kind kind,
		     const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
