/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/user_maps.h"

#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/rec_event.h"

bool user_maps_unnamed(const char *path)
{
	static const char end[] = " (deleted)";
	size_t n = strlen(path);

	return n >= sizeof(end) && strcmp(path + n - (sizeof(end) - 1), end) ==
	       0;
}

/* ---- /proc/self/maps ---------------------------------------------------- */

static bool parse(const char *line, struct user_found *f)
{
	char rights[5];
	unsigned long inode;
	size_t n;
	int at = 0;
	uint64_t end;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %lu %n",
		   &f->gva, &end, rights, &f->offset, &inode, &at) < 5 ||
	    !at) {
		return false;
	}
	f->bytes = end - f->gva;
	f->prot = (rights[0] == 'r' ? SIM_PROT_R : 0u) |
		  (rights[1] == 'w' ? SIM_PROT_W : 0u) |
		  (rights[2] == 'x' ? SIM_PROT_X : 0u);
	f->shared = rights[3] == 's';
	n = (size_t)snprintf(f->path, sizeof(f->path), "%.*s",
			     (int)strcspn(line + at, "\n"), line + at);
	if (f->path[0] != '/') {
		f->path[0] = '\0';
		f->offset = 0;
	} else if (user_maps_unnamed(f->path) && n < sizeof(f->path)) {
		snprintf(f->path + n, sizeof(f->path) - n, " %lu", inode);
	}
	return true;
}

/* Each mapping in turn until fn() returns false. */
static void each(bool (*fn)(void *arg, struct user_found *f), void *arg)
{
	static struct user_found f;	/* under the caller's lock */
	static char line[4400];
	FILE *maps = fopen("/proc/self/maps", "re");

	while (maps && fgets(line, sizeof(line), maps)) {
		if (parse(line, &f) && !fn(arg, &f)) {
			break;
		}
	}
	if (maps) {
		fclose(maps);
	}
}

static bool note_host(void *arg, struct user_found *f)
{
	struct user_maps *m = arg;
	struct user_range *more =
		realloc(m->host, (m->host_count + 1) * sizeof(*more));

	if (more) {
		m->host = more;
		m->host[m->host_count++] = (struct user_range){
			f->gva, f->gva + f->bytes };
	}
	return more != NULL;
}

void user_maps_init(struct user_maps *m, uint64_t base)
{
	*m = (struct user_maps){ .base = base };
	each(note_host, m);
}

/* ---- known ranges ------------------------------------------------------- */

/* The first range that ends behind gva. */
static size_t find(const struct user_maps *m, uint64_t gva)
{
	size_t low = 0, high = m->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (m->range[middle].end <= gva) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

bool user_maps_has(struct user_maps *m, uint64_t gva)
{
	const struct user_range *last = &m->range[m->last];

	if (m->last < m->count && last->start <= gva && gva < last->end) {
		return true;
	}
	m->last = find(m, gva);
	return m->last < m->count && m->range[m->last].start <= gva;
}

static bool insert(struct user_maps *m, size_t at, uint64_t start,
		   uint64_t end)
{
	if (m->count == m->room) {
		size_t room = m->room ? 2 * m->room : 64;
		struct user_range *more =
			realloc(m->range, room * sizeof(*more));

		if (!more) {
			return false;
		}
		m->range = more;
		m->room = room;
	}
	memmove(&m->range[at + 1], &m->range[at],
		(m->count - at) * sizeof(*m->range));
	m->range[at] = (struct user_range){ start, end };
	m->count++;
	return true;
}

static void erase(struct user_maps *m, size_t at)
{
	memmove(&m->range[at], &m->range[at + 1],
		(m->count - at - 1) * sizeof(*m->range));
	m->count--;
}

void user_maps_add(struct user_maps *m, uint64_t gva, uint64_t bytes)
{
	uint64_t start = gva & ~UINT64_C(4095);
	uint64_t end = (gva + bytes + 4095) & ~UINT64_C(4095);
	size_t i = find(m, start ? start - 1 : 0);

	/* Take in all that it touches. */
	while (i < m->count && m->range[i].start <= end) {
		start = m->range[i].start < start ? m->range[i].start : start;
		end = m->range[i].end > end ? m->range[i].end : end;
		erase(m, i);
	}
	if (start < end) {
		insert(m, i, start, end);
	}
}

void user_maps_remove(struct user_maps *m, uint64_t gva, uint64_t bytes)
{
	uint64_t start = gva & ~UINT64_C(4095);
	uint64_t end = (gva + bytes + 4095) & ~UINT64_C(4095);
	size_t i = find(m, start);

	while (i < m->count && m->range[i].start < end) {
		struct user_range old = m->range[i];

		erase(m, i);
		if (old.end > end) {
			insert(m, i, end, old.end);
		}
		if (old.start < start) {
			insert(m, i++, old.start, start);
		}
		i += old.end > end;
	}
}

/* ---- what nobody told of ------------------------------------------------ */

struct program {
	struct user_maps *m;
	void (*tell)(const struct user_found *f);
	uint64_t bias;		/* of the file whose beginning came last */
};

static bool is_host(const struct user_maps *m, const struct user_found *f)
{
	for (size_t i = 0; i < m->host_count; i++) {
		if (f->gva < m->host[i].end &&
		    f->gva + f->bytes > m->host[i].start) {
			return true;
		}
	}
	return false;
}

/* One piece of a file that is mapped, cut out of what is found. */
static void tell_piece(struct program *p, const struct user_found *f,
		       uint64_t start, uint64_t end, unsigned prot)
{
	static struct user_found piece;	/* under the caller's lock */

	start = start > f->gva ? start : f->gva;
	end = end < f->gva + f->bytes ? end : f->gva + f->bytes;
	if (start < end) {
		piece = *f;
		piece.gva = start;
		piece.bytes = end - start;
		piece.offset += start - f->gva;
		piece.prot = prot;
		p->tell(&piece);
	}
}

/*
 * QEMU maps the guest's code readable only, so that neighbours become one
 * mapping; the program's own headers know its segments and their rights.
 */
static bool tell_segments(struct program *p, const struct user_found *f)
{
	int fd = open(f->path, O_RDONLY | O_CLOEXEC);
	bool is_elf, first = true;
	Elf64_Ehdr e;
	Elf64_Phdr h;

	if (fd < 0) {
		return false;
	}
	is_elf = pread(fd, &e, sizeof(e), 0) == sizeof(e) &&
		 memcmp(e.e_ident, ELFMAG, SELFMAG) == 0 &&
		 e.e_phentsize == sizeof(h);
	for (unsigned i = 0; is_elf && i < e.e_phnum; i++) {
		if (pread(fd, &h, sizeof(h), (off_t)(e.e_phoff +
			  i * sizeof(h))) != sizeof(h)) {
			break;
		}
		if (h.p_type != PT_LOAD) {
			continue;
		}
		if (first && f->offset == 0) {
			p->bias = f->gva - (h.p_vaddr & ~UINT64_C(4095));
		}
		first = false;
		tell_piece(p, f, p->bias + (h.p_vaddr & ~UINT64_C(4095)),
			   (p->bias + h.p_vaddr + h.p_filesz + 4095) &
				   ~UINT64_C(4095),
			   (h.p_flags & PF_R ? SIM_PROT_R : 0u) |
			   (h.p_flags & PF_W ? SIM_PROT_W : 0u) |
			   (h.p_flags & PF_X ? SIM_PROT_X : 0u));
	}
	close(fd);
	return is_elf;
}

static bool note_program(void *arg, struct user_found *f)
{
	struct program *p = arg;

	if (f->path[0] && f->gva >= p->m->base && !is_host(p->m, f)) {
		f->gva -= p->m->base;
		user_maps_add(p->m, f->gva, f->bytes);
		if (!tell_segments(p, f)) {
			p->tell(f);
		}
	}
	return true;
}

void user_maps_program(struct user_maps *m,
		       void (*tell)(const struct user_found *f))
{
	struct program p = { m, tell, 0 };

	each(note_program, &p);
}

struct search {
	const struct user_maps *m;
	uint64_t gva;
	struct user_found *out;
	bool found;
};

static bool look(void *arg, struct user_found *f)
{
	struct search *s = arg;
	uint64_t host = s->gva + s->m->base;

	if (host >= f->gva + f->bytes) {
		return true;
	}
	if (host >= f->gva) {
		*s->out = *f;
		s->out->gva -= s->m->base;
		s->found = true;
	}
	return false;
}

uint64_t user_maps_bytes(struct user_maps *m, uint64_t gva)
{
	static struct user_found f;	/* under the caller's lock */
	struct search s = { m, gva, &f, false };

	each(look, &s);
	return s.found ? f.gva + f.bytes - gva : 0;
}

bool user_maps_find(struct user_maps *m, uint64_t gva, struct user_found *f)
{
	struct search s = { m, gva, f, false };
	size_t i = find(m, gva);
	uint64_t end, low;

	each(look, &s);
	if (!s.found) {
		return false;
	}
	end = f->gva + f->bytes;
	low = i ? m->range[i - 1].end : 0;
	if (low > f->gva) {
		f->offset += f->path[0] ? low - f->gva : 0;
		f->gva = low;
	}
	if (i < m->count && m->range[i].start < end) {
		end = m->range[i].start;
	}
	f->bytes = end - f->gva;
	user_maps_add(m, f->gva, f->bytes);
	return true;
}
