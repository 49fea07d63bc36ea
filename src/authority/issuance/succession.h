// Succession: which certificate may be followed by another one, and how often. Asked when a renewal comes in, and once
// more in each amendment of its issuance where several authorities share the registry: two of them may be asked to
// renew one certificate at the same moment.
#pragma once

#include "authority/issuance/check.h"
#include "store/certificates.h"

namespace countersign::authority {

/// So many successors one certificate may have of which none has been used yet.
inline constexpr std::size_t kMostUnusedSuccessors = 3;

/// May `held` renew anything more? Fails: `renewal.superseded` when a successor was seen in use, `renewal.too_many`,
/// and as store.
base::Result<void> check_successors(store::Transaction& rows, const store::CertificateRow& held);

/// `held` is the one certificate that its application had last for this purpose, whatever became of it. Fails:
/// `renewal.not_last`, and as store.
base::Result<void> check_is_last(store::Transaction& rows, const store::CertificateRow& held);

/// The refusal of whoever holds a certificate that was revoked.
tl::unexpected<base::Error> held_is_revoked();

/// What a renewal relies on, once more, with the rows of the amendment that does. An order that renews nothing passes.
/// Fails: `certificate.revoked`, `renewal.answered` when another authority gave this very key its certificate, and as
/// check_successors() or, where the certificate had ended when it was asked for, check_is_last().
base::Result<void> check_succession_again(store::Transaction& rows, const Checked& checked);

}  // namespace countersign::authority
