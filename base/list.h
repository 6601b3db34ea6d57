/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Intrusive doubly linked ring. The head is a node; an empty ring and an
 * unlinked node point at themselves, so removal twice is harmless.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct gn_list {
	struct gn_list *next;
	struct gn_list *prev;
};

#define GN_CONTAINER(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

static inline void gn_list_init(struct gn_list *node)
{
	node->next = node;
	node->prev = node;
}

static inline bool gn_list_empty(const struct gn_list *head)
{
	return head->next == head;
}

/* Put node behind at; node must be unlinked. */
static inline void gn_list_add(struct gn_list *at, struct gn_list *node)
{
	node->prev = at;
	node->next = at->next;
	at->next->prev = node;
	at->next = node;
}

static inline void gn_list_del(struct gn_list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	gn_list_init(node);
}

#endif
