/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/rec_format.h"

#include <xxhash.h>

enum sim_rec_status sim_rec_fail(struct sim_rec_error *err,
				 enum sim_rec_status status,
				 const char *format, ...)
{
	va_list ap;

	if (err) {
		va_start(ap, format);
		vsnprintf(err->text, sizeof(err->text), format, ap);
		va_end(ap);
	}
	return status;
}

static bool good_key(const char *key)
{
	size_t n = strnlen(key, sizeof(((struct sim_rec_meta *)0)->key));

	if (n == 0 || n == sizeof(((struct sim_rec_meta *)0)->key)) {
		return false;
	}
	return strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

/* One line without control characters that fits with its NUL. */
static bool good_text(const char *text, size_t room)
{
	size_t n = strnlen(text, room);

	if (n == room) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c == 0x7f) {
			return false;
		}
	}
	return true;
}

enum sim_rec_status sim_rec_meta_set(struct sim_rec_info *info,
				     const char *key, const char *value)
{
	struct sim_rec_meta *m = NULL;

	if (!good_key(key) || !good_text(value, sizeof(m->value))) {
		return SIM_REC_USAGE;
	}
	for (uint32_t i = 0; i < info->meta_count; i++) {
		if (strcmp(info->meta[i].key, key) == 0) {
			m = &info->meta[i];
		}
	}
	if (!m) {
		if (info->meta_count >= SIM_REC_META_MAX) {
			return SIM_REC_USAGE;
		}
		m = &info->meta[info->meta_count++];
		strcpy(m->key, key);
	}
	strcpy(m->value, value);
	return SIM_REC_OK;
}

const char *sim_rec_meta_get(const struct sim_rec_info *info, const char *key)
{
	for (uint32_t i = 0; i < info->meta_count; i++) {
		if (strcmp(info->meta[i].key, key) == 0) {
			return info->meta[i].value;
		}
	}
	return NULL;
}

static bool good_info(const struct sim_rec_info *i)
{
	return (i->kind == SIM_REC_MMU || i->kind == SIM_REC_PROCESS) &&
	       i->levels >= 2 && i->levels <= 5 &&
	       (i->levels >= 4 || i->pae == (i->levels == 3)) &&
	       i->maxphyaddr >= 32 && i->maxphyaddr <= 52 &&
	       i->vcpus >= 1 && i->vcpus <= SIM_REC_VCPUS_MAX &&
	       good_text(i->source, sizeof(i->source)) &&
	       good_text(i->tool, sizeof(i->tool)) &&
	       i->meta_count <= SIM_REC_META_MAX;
}

/* A field of the body: u16 tag, u16 bytes, content. */
enum {
	TAG_KIND = 1, TAG_LEVELS, TAG_PAE, TAG_MAXPHYADDR, TAG_VCPUS, TAG_RAM,
	TAG_CR0, TAG_CR3, TAG_CR4, TAG_EFER, TAG_DIRECT_MAP, TAG_NUMBER_END,
	TAG_SOURCE = 32, TAG_TOOL = 33, TAG_META = 34,
	/* From here on a reader may skip what it does not know. */
	TAG_OPTIONAL = 0x8000,
};

static uint8_t *put_field(uint8_t *p, unsigned int tag, const void *data,
			  size_t bytes)
{
	p[0] = (uint8_t)tag;
	p[1] = (uint8_t)(tag >> 8);
	p[2] = (uint8_t)bytes;
	p[3] = (uint8_t)(bytes >> 8);
	memcpy(p + 4, data, bytes);
	return p + 4 + bytes;
}

static uint8_t *put_number(uint8_t *p, unsigned int tag, uint64_t v)
{
	uint8_t b[8];

	sim_set64(b, v);
	return put_field(p, tag, b, sizeof(b));
}

size_t sim_rec_pack_info(uint8_t *body, const struct sim_rec_info *info)
{
	uint8_t *p = body;

	if (!good_info(info)) {
		return 0;
	}
	p = put_number(p, TAG_KIND, info->kind);
	p = put_number(p, TAG_LEVELS, info->levels);
	p = put_number(p, TAG_PAE, info->pae);
	p = put_number(p, TAG_MAXPHYADDR, info->maxphyaddr);
	p = put_number(p, TAG_VCPUS, info->vcpus);
	p = put_number(p, TAG_RAM, info->ram_bytes);
	p = put_number(p, TAG_CR0, info->cr0);
	p = put_number(p, TAG_CR3, info->cr3);
	p = put_number(p, TAG_CR4, info->cr4);
	p = put_number(p, TAG_EFER, info->efer);
	if (info->has_direct_map) {
		p = put_number(p, TAG_DIRECT_MAP, info->direct_map);
	}
	p = put_field(p, TAG_SOURCE, info->source, strlen(info->source));
	p = put_field(p, TAG_TOOL, info->tool, strlen(info->tool));
	for (uint32_t i = 0; i < info->meta_count; i++) {
		const struct sim_rec_meta *m = &info->meta[i];
		char line[sizeof(*m) + 1];

		if (!good_key(m->key) || !good_text(m->value,
						    sizeof(m->value))) {
			return 0;
		}
		snprintf(line, sizeof(line), "%s=%s", m->key, m->value);
		p = put_field(p, TAG_META, line, strlen(line));
	}
	return (size_t)(p - body);
}

static bool take_number(struct sim_rec_info *info, unsigned int tag,
			uint64_t v)
{
	bool fits = v <= UINT32_MAX;

	switch (tag) {
	case TAG_KIND:
		info->kind = v == SIM_REC_MMU ? SIM_REC_MMU : SIM_REC_PROCESS;
		return v == SIM_REC_MMU || v == SIM_REC_PROCESS;
	case TAG_LEVELS:
		info->levels = (uint32_t)v;
		return fits;
	case TAG_PAE:
		info->pae = v != 0;
		return v <= 1;
	case TAG_MAXPHYADDR:
		info->maxphyaddr = (uint32_t)v;
		return fits;
	case TAG_VCPUS:
		info->vcpus = (uint32_t)v;
		return fits;
	case TAG_RAM:
		info->ram_bytes = v;
		return true;
	case TAG_CR0:
		info->cr0 = v;
		return true;
	case TAG_CR3:
		info->cr3 = v;
		return true;
	case TAG_CR4:
		info->cr4 = v;
		return true;
	case TAG_EFER:
		info->efer = v;
		return true;
	case TAG_DIRECT_MAP:
		info->has_direct_map = true;
		info->direct_map = v;
		return true;
	default:
		return false;
	}
}

static bool take_text(char *to, size_t room, const uint8_t *data, size_t bytes)
{
	if (bytes >= room || memchr(data, 0, bytes)) {
		return false;
	}
	memcpy(to, data, bytes);
	to[bytes] = '\0';
	return good_text(to, room);
}

static bool take_meta(struct sim_rec_info *info, const uint8_t *data,
		      size_t bytes)
{
	struct sim_rec_meta m;
	const uint8_t *eq = memchr(data, '=', bytes);
	size_t key = eq ? (size_t)(eq - data) : 0;

	return eq && take_text(m.key, sizeof(m.key), data, key) &&
	       take_text(m.value, sizeof(m.value), eq + 1, bytes - key - 1) &&
	       !sim_rec_meta_get(info, m.key) &&
	       sim_rec_meta_set(info, m.key, m.value) == SIM_REC_OK;
}

static bool take_field(struct sim_rec_info *info, unsigned int tag,
		       const uint8_t *data, size_t bytes)
{
	if (tag < TAG_NUMBER_END) {
		return bytes == 8 && take_number(info, tag, sim_get64(data));
	}
	if (tag == TAG_SOURCE) {
		return take_text(info->source, sizeof(info->source), data,
				 bytes);
	}
	if (tag == TAG_TOOL) {
		return take_text(info->tool, sizeof(info->tool), data, bytes);
	}
	return tag == TAG_META ? take_meta(info, data, bytes) :
				 tag >= TAG_OPTIONAL;
}

bool sim_rec_unpack_info(struct sim_rec_info *info, const uint8_t *body,
			 size_t bytes)
{
	memset(info, 0, sizeof(*info));
	while (bytes > 0) {
		unsigned int tag, length;

		if (bytes < 4) {
			return false;
		}
		tag = body[0] | (unsigned int)body[1] << 8;
		length = body[2] | (unsigned int)body[3] << 8;
		if (length > bytes - 4 ||
		    !take_field(info, tag, body + 4, length)) {
			return false;
		}
		body += 4 + length;
		bytes -= 4 + length;
	}
	return good_info(info);
}

void sim_rec_pack_frame(uint8_t *p, const struct sim_rec_frame *f)
{
	sim_set32(p, REC_FRAME_MAGIC);
	sim_set32(p + 4, f->stored_bytes);
	sim_set32(p + 8, f->raw_bytes);
	sim_set32(p + 12, f->events);
	sim_set64(p + 16, f->first_event);
	sim_set64(p + 24, f->first_instr);
	sim_set64(p + 32, f->last_instr);
	sim_set64(p + 40, XXH3_64bits(p, 40));
}

bool sim_rec_unpack_frame(struct sim_rec_frame *f, const uint8_t *p)
{
	f->stored_bytes = sim_get32(p + 4);
	f->raw_bytes = sim_get32(p + 8);
	f->events = sim_get32(p + 12);
	f->first_event = sim_get64(p + 16);
	f->first_instr = sim_get64(p + 24);
	f->last_instr = sim_get64(p + 32);
	return sim_get32(p) == REC_FRAME_MAGIC &&
	       sim_get64(p + 40) == XXH3_64bits(p, 40) &&
	       f->stored_bytes > 0 && f->stored_bytes <= REC_STORED_MAX &&
	       f->raw_bytes > 0 && f->raw_bytes <= REC_RAW_MAX &&
	       f->events > 0 && f->events <= REC_FRAME_EVENTS_MAX &&
	       f->first_event <= UINT64_MAX - f->events &&
	       f->first_instr <= f->last_instr;
}

void sim_rec_pack_end(uint8_t *p, const struct sim_rec_end *e)
{
	sim_set32(p, REC_END_MAGIC);
	sim_set32(p + 4, 0);
	sim_set64(p + 8, e->index_offset);
	sim_set64(p + 16, e->event_count);
	sim_set64(p + 24, e->frame_count);
	sim_set64(p + 32, e->raw_bytes);
	sim_set64(p + 40, e->content_digest);
	sim_set64(p + 48, e->file_digest);
	sim_set64(p + 56, XXH3_64bits(p, 56));
}

bool sim_rec_unpack_end(struct sim_rec_end *e, const uint8_t *p)
{
	e->index_offset = sim_get64(p + 8);
	e->event_count = sim_get64(p + 16);
	e->frame_count = sim_get64(p + 24);
	e->raw_bytes = sim_get64(p + 32);
	e->content_digest = sim_get64(p + 40);
	e->file_digest = sim_get64(p + 48);
	return sim_get32(p) == REC_END_MAGIC &&
	       sim_get64(p + 56) == XXH3_64bits(p, 56);
}
