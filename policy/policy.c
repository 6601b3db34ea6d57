/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/policy.h"

#include <string.h>

#define INTERVAL 10000000u

size_t gnomon_policy_bytes(const struct gnomon_policy_config *config)
{
	(void)config;
	return sizeof(struct gnomon_policy);
}

enum gnomon_status
gnomon_policy_create(void *memory, const struct gnomon_policy_config *config,
		     struct gnomon_policy **out)
{
	struct gnomon_policy *policy = memory;

	if (!memory || config->size != sizeof(*config)) {
		return GNOMON_INVAL;
	}
	if (config->kind != GNOMON_POLICY_SHSP) {
		return GNOMON_UNSUPPORTED;
	}
	memset(policy, 0, sizeof(*policy));
	policy->config = *config;
	if (!policy->config.interval) {
		policy->config.interval = INTERVAL;
	}
	gn_shsp_start(policy);
	*out = policy;
	return GNOMON_OK;
}

void gnomon_policy_event(struct gnomon_policy *policy,
			 const struct gnomon_policy_event *event)
{
	gn_shsp_event(policy, event);
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
	(void)space;
	return policy->of.shsp.mode;
}
