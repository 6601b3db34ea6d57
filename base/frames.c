/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/frames.h"

#include "base/assert.h"

static void *page_of(uintptr_t link)
{
	return (void *)(link & ~GN_FRAMES_COUNT);
}

void gn_frames_init(struct gn_frames *frames, struct gn_pool *pool)
{
	*frames = (struct gn_frames){ .pool = pool };
}

static uintptr_t new_page(struct gn_frames *frames)
{
	frames->pages++;
	return (uintptr_t)gn_pool_take(frames->pool, GNOMON_PAGE_META).va;
}

/* Put nodes above the root until it reaches gfn. */
static enum gnomon_status grow(struct gn_frames *frames, uint64_t gfn)
{
	while (!gn_frames_reach(frames, gfn)) {
		if (gn_pool_reserve(frames->pool, GNOMON_PAGE_META, 1) !=
		    GNOMON_OK) {
			return GNOMON_NOMEM;
		}
		uintptr_t old = frames->root;

		frames->root = new_page(frames);
		if (old) {
			uintptr_t *node = page_of(frames->root);

			node[0] = old;
			frames->root |= (old & GN_FRAMES_COUNT) != 0;
			frames->height++;
		}
		frames->reach = UINT64_C(512) << (9 * frames->height);
	}
	return GNOMON_OK;
}

enum gnomon_status gn_frames_ensure(struct gn_frames *frames, uint64_t gfn)
{
	if (grow(frames, gfn) != GNOMON_OK) {
		return GNOMON_NOMEM;
	}
	uintptr_t *link = &frames->root;

	for (unsigned h = frames->height; h > 0; h--) {
		uintptr_t *node = page_of(*link);

		link = &node[gn_frames_index(gfn, h)];
		if (*link) {
			continue;
		}
		if (gn_pool_reserve(frames->pool, GNOMON_PAGE_META, 1) !=
		    GNOMON_OK) {
			return GNOMON_NOMEM;
		}
		*link = new_page(frames);
	}
	return GNOMON_OK;
}

void gn_frames_mark(struct gn_frames *frames, uint64_t gfn, bool on)
{
	uintptr_t *path[GN_FRAMES_LEVELS];
	unsigned depth = 0;

	GN_ASSERT(gn_frames_reach(frames, gfn));
	path[depth++] = &frames->root;
	for (unsigned h = frames->height; h > 0; h--) {
		uintptr_t *node = page_of(*path[depth - 1]);

		path[depth++] = &node[gn_frames_index(gfn, h)];
	}
	/* A pointer's count changes its parent's only at the edge of zero. */
	while (depth-- > 0) {
		uintptr_t before = *path[depth] & GN_FRAMES_COUNT;

		*path[depth] += on ? 1 : (uintptr_t)-1;
		if (before != (on ? 0 : 1)) {
			break;
		}
	}
}

bool gn_frames_marked(const struct gn_frames *frames, uint64_t gfn,
		      unsigned order)
{
	unsigned stop = order / 9 - 1;
	uintptr_t link = frames->root;

	if (!gn_frames_reach(frames, gfn)) {
		return false;
	}
	/* A block wider than the tree: any mark may lie in it. */
	for (unsigned h = frames->height; h > stop && link; h--) {
		uintptr_t *node = page_of(link);

		link = node[gn_frames_index(gfn, h)];
	}
	return (link & GN_FRAMES_COUNT) != 0;
}

/* The first frame that something is known of from that slot of a leaf page. */
static struct gn_frame *first_known(struct gn_frame *leaf, unsigned *slot)
{
	while (*slot < 512) {
		if (leaf[*slot].rmap || leaf[*slot].trace) {
			return &leaf[*slot];
		}
		++*slot;
	}
	return NULL;
}

struct gn_frame *gn_frames_next(const struct gn_frames *frames, uint64_t *gfn)
{
	while (gn_frames_reach(frames, *gfn)) {
		uintptr_t link = frames->root;
		unsigned h = frames->height;
		unsigned slot = *gfn & 511;

		for (; h > 0 && link; h--) {
			const uintptr_t *node = page_of(link);

			link = node[gn_frames_index(*gfn, h)];
		}
		struct gn_frame *found = link ? first_known(page_of(link),
							    &slot) : NULL;

		if (found) {
			*gfn = (*gfn & ~UINT64_C(511)) | slot;
			return found;
		}
		/* On to the next block of what the last link stands for. */
		*gfn = (*gfn | (((uint64_t)1 << (9 * (h + 1))) - 1)) + 1;
	}
	return NULL;
}

static void give(struct gn_frames *frames, uintptr_t *link)
{
	/* hpa is ignored for bookkeeping pages. */
	struct gnomon_page page = { .va = page_of(*link) };

	gn_pool_give(frames->pool, GNOMON_PAGE_META, &page);
	frames->pages--;
	*link = 0;
}

/* The link to a page below which nothing is left, found from the left. */
static uintptr_t *find_bottom(struct gn_frames *frames)
{
	uintptr_t *link = &frames->root;

	for (unsigned h = frames->height; h > 0; h--) {
		uintptr_t *node = page_of(*link);
		unsigned i = 0;

		while (i < 512 && !node[i]) {
			i++;
		}
		if (i == 512) {
			break;
		}
		link = &node[i];
	}
	return link;
}

bool gn_frames_drop(struct gn_frames *frames, uint32_t *budget)
{
	frames->reach = 0;
	while (frames->root) {
		if (*budget == 0) {
			return false;
		}
		--*budget;
		give(frames, find_bottom(frames));
	}
	return true;
}
