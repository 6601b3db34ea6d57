/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/policy.h"

#include <string.h>

#define INTERVAL 10000000u
#define SPACES 1024u

static bool knows_spaces(const struct gnomon_policy_config *config)
{
	return config->kind == GNOMON_POLICY_ADAPTIVE ||
	       config->kind == GNOMON_POLICY_ADAPTIVE_HW;
}

static uint32_t spaces_of(const struct gnomon_policy_config *config)
{
	uint32_t spaces = config->spaces ? config->spaces : SPACES;

	return (spaces + GN_SPACE_WAYS - 1) / GN_SPACE_WAYS * GN_SPACE_WAYS;
}

static bool is_agile(const struct gnomon_policy_config *config)
{
	return config->kind == GNOMON_POLICY_AGILE;
}

static size_t agile_bytes(const struct gnomon_policy_config *config)
{
	struct gnomon_policy_config c = *config;

	c.spaces = spaces_of(config);
	return gn_agile_bytes(&c);
}

size_t gnomon_policy_bytes(const struct gnomon_policy_config *config)
{
	size_t bytes = sizeof(struct gnomon_policy);

	if (is_agile(config)) {
		bytes += agile_bytes(config);
	} else if (knows_spaces(config)) {
		bytes += spaces_of(config) * sizeof(struct gn_space);
	}
	if (config->kind == GNOMON_POLICY_ADAPTIVE_HW) {
		bytes += gn_agile_tables(config) * sizeof(struct gn_leaf);
	}
	return bytes;
}

/* The greatest that a count may be, so that sizes do not overflow. */
#define COUNT_MAX (1u << 24)

static enum gnomon_status check(const struct gnomon_policy_config *config)
{
	if (config->size != sizeof(*config) ||
	    config->start > GNOMON_POLICY_NESTED ||
	    config->spaces > COUNT_MAX || config->tables > COUNT_MAX) {
		return GNOMON_INVAL;
	}
	if (is_agile(config) || config->kind == GNOMON_POLICY_ADAPTIVE_HW) {
		return config->hardware & GNOMON_HW_SWITCH_BIT
			       ? GNOMON_OK
			       : GNOMON_UNSUPPORTED;
	}
	return config->kind == GNOMON_POLICY_SHSP || knows_spaces(config) ?
	       GNOMON_OK : GNOMON_UNSUPPORTED;
}

enum gnomon_status
gnomon_policy_create(void *memory, const struct gnomon_policy_config *config,
		     struct gnomon_policy **out)
{
	struct gnomon_policy *policy = memory;
	enum gnomon_status status = memory ? check(config) : GNOMON_INVAL;

	if (status != GNOMON_OK) {
		return status;
	}
	memset(policy, 0, sizeof(*policy));
	policy->config = *config;
	policy->config.spaces = spaces_of(config);
	policy->config.tables = gn_agile_tables(config);
	policy->config.interval = config->interval ? config->interval
						   : INTERVAL;
	if (is_agile(config)) {
		gn_agile_start(policy);
	} else if (knows_spaces(config)) {
		gn_adaptive_start(policy);
	} else {
		gn_shsp_start(policy);
	}
	*out = policy;
	return GNOMON_OK;
}

void gnomon_policy_event(struct gnomon_policy *policy,
			 const struct gnomon_policy_event *event)
{
	if (is_agile(&policy->config)) {
		gn_agile_event(policy, event);
	} else if (knows_spaces(&policy->config)) {
		gn_adaptive_event(policy, event);
	} else {
		gn_shsp_event(policy, event);
	}
}

bool gn_policy_decide(struct gnomon_policy *policy,
		      const struct gnomon_policy_decision *decision)
{
	if (policy->waiting == GN_POLICY_QUEUE) {
		return false;
	}
	policy->queue[(policy->first + policy->waiting++) % GN_POLICY_QUEUE] =
		*decision;
	return true;
}

bool gnomon_policy_poll(struct gnomon_policy *policy,
			struct gnomon_policy_decision *decision)
{
	if (!policy->waiting) {
		return false;
	}
	*decision = policy->queue[policy->first];
	policy->first = (policy->first + 1) % GN_POLICY_QUEUE;
	policy->waiting--;
	return true;
}

enum gnomon_policy_mode
gnomon_policy_space_mode(const struct gnomon_policy *policy,
			 gnomon_gpa_t space)
{
	if (is_agile(&policy->config)) {
		return gn_agile_mode(policy, space);
	}
	return knows_spaces(&policy->config) ?
	       gn_adaptive_mode(policy, space) : policy->of.shsp.mode;
}
