// What can go wrong, as stable words that the interface translates. They are
// the words of the Go side wherever it has one.

export type SealErrorCode =
  | "directory_malformed"
  | "directory_unsigned"
  | "directory_foreign"
  | "directory_expired"
  | "directory_suite"
  | "directory_pin"
  | "directory_old"
  | "malformed_envelope"
  | "malformed_key"
  | "malformed_ciphertext"
  | "malformed_id"
  | "malformed_base64"
  | "malformed_booking"
  | "malformed_copy"
  | "plaintext_too_long"
  | "tampered"
  | "unknown_key"
  | "kdf_refused"
  | "wrong_password"
  | "recovery_code_mistyped"
  | "not_in_directory"
  | "sheet_too_old"
  | "text_empty"
  | "text_too_long"
  | "text_control"
  | "text_bidi"
  | "text_unassigned"
  | "text_private"
  | "text_surrogate"
  | "proof_too_hard"
  | "aborted"
  | "worker_failed";

/** SealError carries a code to act on, and never any data. */
export class SealError extends Error {
  override readonly name = "SealError";
  readonly code: SealErrorCode;

  constructor(code: SealErrorCode, options?: ErrorOptions) {
    super(code, options);
    this.code = code;
  }
}
