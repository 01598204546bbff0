/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* EnableProfile over SMS, each branch of the procedure, against a software eUICC under a fake clock. */
#include <string.h>

#include "common/app/clock.h"
#include "tests/support/world.h"

#define ENABLE ES4_ENABLE_PROFILE

static void order_enable(struct world *w)
{
	world_order(w, MNO_OPER, ENABLE, SEED_OPERATIONAL, "call-1", 3600);
}

static void all_goes_well(void **state)
{
	struct world *w = *state;

	world_register(w);
	order_enable(w);
	world_advance(w, 60000);
	world_expect_card(w, SEED_OPERATIONAL);
	world_expect_eis(w, PROFILE_DISABLED, PROFILE_ENABLED);
	world_expect_note(w, "ES4-HandleProfileDisabledNotification", SEED_BOOTSTRAP, "boot.example/note");
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
	world_expect_silence(w);
	assert_false(world_audit_due(w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_goes_well, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
