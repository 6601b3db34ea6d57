/* SPDX-License-Identifier: BSD-2-Clause */
/* The nearest of a list of names. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "sim/near.h"
#include "tests/support/seed.h"

/* The name that a word is taken for; "" for none. */
static const char *nearest(const char *word, const char *names)
{
	static struct sim_near near;
	char copy[256], *save;

	near = sim_near_to(word);
	snprintf(copy, sizeof(copy), "%s", names);
	for (char *n = strtok_r(copy, " ", &save); n;
	     n = strtok_r(NULL, " ", &save)) {
		sim_near_try(&near, n);
	}
	return near.best;
}

static void is(const char *word, const char *names, const char *wanted)
{
	cr_assert_str_eq(nearest(word, names), wanted, "%s", word);
}

Test(near, one_edit_of_each_kind)
{
	is("shadw", "nested shadow", "shadow");
	is("shaadow", "nested shadow", "shadow");
	is("shedow", "nested shadow", "shadow");
	is("sahdow", "nested shadow", "shadow");
	is("SHADOW", "nested shadow", "shadow");
}

Test(near, the_nearest_wins_and_the_first_among_equals)
{
	is("agile-3k", "agile-2m agile-4k", "agile-4k");
	is("agile-1x", "agile-2m agile-4k", "agile-2m");
}

Test(near, what_is_begun_is_meant)
{
	is("clx", "amd-svm clx-8269cy", "clx-8269cy");
	is("c", "amd-svm clx-8269cy", "");
}

Test(near, nothing_is_near)
{
	char longer[200];

	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	is("xyzzy", "native shadow", "");
	is("", "native a", "");
	is("a", "b", "");
	is(longer, "native aaaa", "");
	is("nativ", longer, "");
	is("shadow", "", "");
}

static void random_word(struct test_rng *rng, char *word, size_t most)
{
	size_t n = test_rng_below(rng, most);

	for (size_t i = 0; i < n; i++) {
		word[i] = (char)('a' + test_rng_below(rng, 3));
	}
	word[n] = 0;
}

/* Words of all lengths, those at the bounds of the table too. */
Test(near, any_word_is_taken)
{
	struct test_rng rng = test_rng_init(test_seed());
	uint64_t rounds = test_rounds(20000);
	char word[80], name[80];

	for (uint64_t i = 0; i < rounds; i++) {
		random_word(&rng, word, sizeof(word));
		random_word(&rng, name, sizeof(name));
		struct sim_near near = sim_near_to(word);
		sim_near_try(&near, name);
		cr_assert(!near.best[0] || !strcmp(near.best, name));
		cr_assert(strlen(sim_near_hint(&near)) < sizeof(near.hint));
		near = sim_near_to(word);
		sim_near_try(&near, word);
		bool fits = word[0] && strlen(word) < SIM_NEAR_WORD;
		if ((near.best[0] != 0) != fits) {
			test_print_repeat("tests/sim/near.t",
					  "near/any_word_is_taken",
					  test_seed());
			cr_assert(false, "'%s' is not near itself", word);
		}
	}
}
