import { optionChecks, type OptionChecks } from "../core/option-names.js";

const checks = optionChecks("ERR_FLEET_SESSION_OPTION");

export const unknownOptions: OptionChecks["unknownOptions"] = checks.unknownOptions;
export const unknownValue: OptionChecks["unknownValue"] = checks.unknownValue;
