import { optionChecks, type OptionChecks } from "../core/option-names.js";

const checks = optionChecks("ERR_FLEET_SESSION_OPTION");

/** One problem for each name that is no option of sessions, with the option that was probably meant. */
export const unknownOptions: OptionChecks["unknownOptions"] = checks.unknownOptions;
/** A problem when a value is none of those allowed. */
export const unknownValue: OptionChecks["unknownValue"] = checks.unknownValue;
