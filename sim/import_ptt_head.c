/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading ptt records, and the machine description in their first part. */
#include <stdlib.h>
#include <string.h>

#include "sim/import_ptt.h"
#include "sim/rec_format.h"

/* A recording starts with marker 1, and its first table is a root. */
bool sim_import_ptt_is(const uint8_t *head, size_t bytes)
{
	return bytes >= 2 * PTT_BYTES && head[0] == PTT_MARKER &&
	       head[1] == 0 && (head[2] | head[3] << 8) == 1 &&
	       sim_get64(head + 8) == 0 && sim_get64(head + 16) == 0 &&
	       (head[24] == PTT_TABLE || head[24] == PTT_CONTROL);
}

enum sim_rec_status ptt_read(struct sim_stream *s, const char *path,
			     uint64_t number, struct ptt_record *r,
			     struct sim_rec_error *err)
{
	uint8_t b[PTT_BYTES];
	enum sim_rec_status status = sim_stream_read(s, b, sizeof(b), err);

	if (status != SIM_REC_OK) {
		return status;
	}
	*r = (struct ptt_record){
		.type = b[0],
		.size = b[1],
		.lv = (uint16_t)(b[2] | b[3] << 8),
		.icount = sim_get32(b + 4),
		.a = sim_get64(b + 8),
		.b = sim_get64(b + 16),
	};
	if (r->type == 0 || r->type >= PTT_TYPES) {
		return sim_rec_fail(err, SIM_REC_DAMAGED,
				    "%s: record %llu has unknown type %u; get "
				    "an intact copy", path,
				    (unsigned long long)number, r->type);
	}
	return SIM_REC_OK;
}

static int level_of_entry(const struct ptt_images *i,
			  const struct ptt_record *r)
{
	for (int level = 1; level <= PTT_LEVELS; level++) {
		if (i->level[level].open &&
		    i->level[level].ev.gpa == (r->a & ~0xfffull)) {
			return level;
		}
	}
	return 0;
}

int ptt_images_finished(const struct ptt_images *i, const struct ptt_record *r)
{
	if (r->type == PTT_ENTRY) {
		return level_of_entry(i, r) - 1;
	}
	return r->type == PTT_TABLE && r->lv <= PTT_LEVELS ? r->lv :
							     PTT_LEVELS;
}

bool ptt_images_take(struct ptt_images *i, const struct ptt_record *r)
{
	uint32_t index = (uint32_t)(r->a >> 3 & 511);
	struct ptt_image *m;
	uint32_t n;

	if (r->type == PTT_TABLE) {
		if (r->lv < 1 || r->lv > PTT_LEVELS || (r->a & 0xfff)) {
			return false;
		}
		m = &i->level[r->lv];
		m->open = true;
		m->ev = (struct sim_event){
			.type = SIM_EV_TABLE_IMAGE, .gpa = r->a,
			.level = (uint8_t)r->lv, .entries = m->entries,
		};
		return true;
	}
	m = &i->level[level_of_entry(i, r)];
	n = m->ev.entry_count;
	if (!m->open || (r->a & 7) || r->b == 0 ||
	    (n && index <= m->entries[n - 1].index)) {
		return false;
	}
	m->entries[n] = (struct sim_rec_entry){ .value = r->b, .index = index };
	m->ev.entry_count++;
	return true;
}

bool ptt_translate(const struct sim_oracle *o, uint64_t gva, uint64_t *gpa)
{
	struct sim_access a = { .gva = gva };
	struct sim_oracle_result r;

	sim_oracle(o, &a, &r);
	*gpa = r.gpa;
	return r.answer == SIM_ORACLE_OK;
}

/* The direct map covers RAM from 0 on; its first hole is the end. */
static uint64_t ram_behind(const struct sim_oracle *o, uint64_t direct_map)
{
	struct sim_access a = { .gva = direct_map };
	struct sim_oracle_result r;

	for (unsigned int steps = 0; steps < 1u << 24; steps++) {
		sim_oracle(o, &a, &r);
		if (r.answer != SIM_ORACLE_OK ||
		    r.gpa != a.gva - direct_map) {
			return a.gva - direct_map;
		}
		a.gva += r.page_bytes;
	}
	return 0;
}

static void take_direct_map(struct sim_replica *replica,
			    struct sim_rec_info *info)
{
	struct sim_oracle o = sim_replica_oracle(replica, info);
	uint64_t gpa;

	o.ac = true;
	if (ptt_translate(&o, PTT_DIRECT_MAP + info->cr3, &gpa) &&
	    gpa == info->cr3) {
		info->has_direct_map = true;
		info->direct_map = PTT_DIRECT_MAP;
		info->ram_bytes = ram_behind(&o, PTT_DIRECT_MAP);
	}
}

/* Takes one record of the part before the first event; END behind it. */
static enum sim_rec_status take_first(struct sim_replica *replica,
				      struct ptt_images *images,
				      const struct ptt_record *r,
				      struct sim_rec_info *info)
{
	int finished = ptt_images_finished(images, r);

	for (int level = 1; level <= finished; level++) {
		struct ptt_image *m = &images->level[level];

		if (m->open &&
		    sim_replica_apply(replica, &m->ev) != SIM_REPLICA_OK) {
			return SIM_REC_NOMEM;
		}
		m->open = false;
	}
	if (r->type == PTT_TABLE || r->type == PTT_ENTRY) {
		if (r->lv == 4 && info->cr3 == 0) {
			info->cr3 = r->a;
		}
		return ptt_images_take(images, r) ? SIM_REC_OK :
						    SIM_REC_DAMAGED;
	}
	if (r->type == PTT_CONTROL && r->lv == 0) {
		info->cr0 = r->a;
		info->cr4 = r->b;
	} else if (r->type != PTT_MARKER) {
		return SIM_REC_END;
	}
	return SIM_REC_OK;
}

enum sim_rec_status ptt_describe(struct sim_stream *s, const char *path,
				 struct sim_rec_info *info,
				 struct sim_rec_error *err)
{
	struct sim_replica *replica = sim_replica_new(8);
	struct ptt_images *images = calloc(1, sizeof(*images));
	enum sim_rec_status status = replica && images ? SIM_REC_OK :
							 SIM_REC_NOMEM;
	struct ptt_record r;

	for (uint64_t n = 0; status == SIM_REC_OK; n++) {
		status = ptt_read(s, path, n, &r, err);
		if (status != SIM_REC_OK && status != SIM_REC_END) {
			free(images);
			sim_replica_free(replica);
			return status;
		}
		if (status == SIM_REC_OK) {
			status = take_first(replica, images, &r, info);
		}
	}
	if (status == SIM_REC_NOMEM) {
		status = sim_rec_fail(err, status, "%s: out of memory; close "
				      "other programs and try again", path);
	} else if (status == SIM_REC_DAMAGED || !info->cr0 || !info->cr3) {
		status = sim_rec_fail(err, SIM_REC_DAMAGED, "%s: the snapshot "
				      "at its start is incomplete or out of "
				      "order; get an intact copy", path);
	} else {
		take_direct_map(replica, info);
		status = SIM_REC_OK;
	}
	free(images);
	sim_replica_free(replica);
	return status;
}
