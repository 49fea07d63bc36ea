// `countersign-gateway policy ...`: what an operator asks of a policy file without a gateway.
#pragma once

namespace countersign::apps {

/// `check`: is the file right, and what would it decide? `key`: makes an API key. Exit codes: 0 right or let through,
/// 1 refused, 2 the file or the command line is wrong, 3 a file is not there.
int run_policy_command(int argc, char** argv);

}  // namespace countersign::apps
