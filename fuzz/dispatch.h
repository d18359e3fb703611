/*
 * dispatch - the methods that an input of the target of the same name can call, by number
 */
#ifndef FUZZ_DISPATCH_H
#define FUZZ_DISPATCH_H

#define FUZZ_METHOD(name) "/tfplugin6.Provider/" name
#define FUZZ_CONFIGURE    FUZZ_METHOD("ConfigureProvider")

/* New ones go to the end: the corpus holds numbers. */
static const char *const fuzz_methods[] = {
    FUZZ_CONFIGURE,
    FUZZ_METHOD("PlanResourceChange"),
    FUZZ_METHOD("ApplyResourceChange"),
    FUZZ_METHOD("ReadResource"),
    FUZZ_METHOD("ValidateResourceConfig"),
    FUZZ_METHOD("UpgradeResourceState"),
    FUZZ_METHOD("ImportResourceState"),
    FUZZ_METHOD("MoveResourceState"),
    FUZZ_METHOD("ReadDataSource"),
    FUZZ_METHOD("ValidateDataResourceConfig"),
    FUZZ_METHOD("CallFunction"),
    FUZZ_METHOD("ValidateProviderConfig"),
    FUZZ_METHOD("StopProvider"),
};
#define FUZZ_METHODS (sizeof fuzz_methods / sizeof *fuzz_methods)

#endif
