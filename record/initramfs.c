/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/initramfs.h"

#include <errno.h>
#include <fts.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	NAME_MAX_BYTES = 200,
	FILE_MAX_BYTES = 64 << 20,
};

static const char *const modules_wanted[] = {
	"virtio_ring", "virtio", "virtio_pci_modern_dev",
	"virtio_pci_legacy_dev", "virtio_pci", "netfs", "fscache", "9pnet",
	"9pnet_virtio", "9p", "overlay",
};

enum {
	WANTED = sizeof(modules_wanted) / sizeof(modules_wanted[0]),
};

/* Everything in a cpio archive begins at a multiple of four. */
static bool pad(FILE *f, size_t bytes)
{
	return fwrite("\0\0\0", 1, -bytes & 3, f) == (-bytes & 3);
}

static bool put_entry(FILE *f, const char *name, unsigned int mode,
		      const void *data, size_t bytes)
{
	static unsigned int inode;
	unsigned int name_bytes = (unsigned int)strlen(name) + 1;
	int n = fprintf(f, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X"
			"%08X%08X%08X", ++inode, mode, 0u, 0u, 1u, 0u,
			(unsigned int)bytes, 0u, 0u, 0u, 0u, name_bytes, 0u);

	return n == 110 && fwrite(name, 1, name_bytes, f) == name_bytes &&
	       pad(f, 110 + name_bytes) &&
	       (bytes == 0 || fwrite(data, 1, bytes, f) == bytes) &&
	       pad(f, bytes);
}

bool initramfs_folder(FILE *f, const char *name)
{
	return put_entry(f, name, S_IFDIR | 0755, NULL, 0);
}

bool initramfs_file(FILE *f, const char *name, unsigned int mode,
		    const void *data, size_t bytes)
{
	return put_entry(f, name, S_IFREG | mode, data, bytes);
}

bool initramfs_end(FILE *f)
{
	return put_entry(f, "TRAILER!!!", 0, NULL, 0);
}

bool initramfs_copy(FILE *f, const char *name, unsigned int mode,
		    const char *from)
{
	FILE *in = fopen(from, "rb");
	uint8_t *data = malloc(FILE_MAX_BYTES);
	size_t bytes = 0;
	bool good = false;

	if (in && data) {
		bytes = fread(data, 1, FILE_MAX_BYTES, in);
		good = !ferror(in) && bytes > 0 && bytes < FILE_MAX_BYTES &&
		       initramfs_file(f, name, mode, data, bytes);
	}
	if (in) {
		fclose(in);
	}
	free(data);
	return good;
}

/* Where `name` stands in the list, WANTED if it does not. */
static size_t wanted(const char *name, const char *ending)
{
	for (size_t i = 0; i < WANTED; i++) {
		size_t n = strlen(modules_wanted[i]);

		if (strncmp(name, modules_wanted[i], n) == 0 &&
		    strcmp(name + n, ending) == 0) {
			return i;
		}
	}
	return WANTED;
}

/* Finds the modules; answers how many are there but packed. */
static size_t find(const char *modules, char *path[WANTED])
{
	char root[4096];
	char *roots[] = { root, NULL };
	size_t packed = 0;
	FTS *fts;
	FTSENT *e;

	snprintf(root, sizeof(root), "%s/kernel", modules);
	fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	while (fts && (e = fts_read(fts))) {
		size_t i = wanted(e->fts_name, ".ko");

		if (e->fts_info != FTS_F) {
			continue;
		}
		if (i < WANTED && !path[i]) {
			path[i] = strdup(e->fts_path);
		}
		packed += wanted(e->fts_name, ".ko.xz") < WANTED ||
			  wanted(e->fts_name, ".ko.zst") < WANTED ||
			  wanted(e->fts_name, ".ko.gz") < WANTED;
	}
	if (fts) {
		fts_close(fts);
	}
	return packed;
}

bool initramfs_has_modules(const char *modules)
{
	char path[4096];
	struct stat st;

	snprintf(path, sizeof(path), "%s/kernel", modules);
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool initramfs_modules(FILE *f, const char *modules, char *why,
		       size_t why_bytes)
{
	char *path[WANTED] = { NULL };
	size_t packed = find(modules, path);
	bool good = packed == 0;

	if (!good) {
		snprintf(why, why_bytes, "%s: its modules are packed; name "
			 "modules that are not with --modules", modules);
	}
	for (size_t i = 0; i < WANTED; i++) {
		char name[NAME_MAX_BYTES];

		/* The number keeps the order for a shell's `*`. */
		snprintf(name, sizeof(name), "%02zu-%s.ko", i,
			 modules_wanted[i]);
		if (good && path[i] &&
		    !initramfs_copy(f, name, 0644, path[i])) {
			snprintf(why, why_bytes, "%s: cannot be copied: %s; "
				 "check it", path[i], strerror(errno));
			good = false;
		}
		free(path[i]);
	}
	return good;
}
