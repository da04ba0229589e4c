/* The header stands alone, twice, in each dialect of C and C++, amid the macros of the worst neighbours. */

#include <stddef.h>
#include <stdint.h>

/* Unreal, Windows and X11 define these. Were one of them used in the header, this would not compile. */
#define check(x) @check@
#define verify(x) @verify@
#define ensure(x) @ensure@
#define TEXT(x) @TEXT@
#define PI @PI@
#define min(a, b) @min@
#define max(a, b) @max@
#define None @None@
#define Success @Success@
#define Status @Status@
#define Bool @Bool@
#define interface @interface@
#define small @small@
#define ERROR @ERROR@
#define IN @IN@
#define OUT @OUT@

#include <sterna.h>
#include <sterna.h>

static void on_event(SternaClient *client, const SternaEvent *event, void *user_data)
{
    (void)client;
    (void)event;
    (void)user_data;
}

int main(void)
{
    SternaEventCallback callback = on_event;
    SternaClient *client = NULL;
    SternaResult result = sterna_client_on_push(client, callback, NULL);
#if STERNA_VERSION_MAJOR < 0 || STERNA_ABI_VERSION < 1
#error "the version macros can be used by the preprocessor"
#endif
    return result == STERNA_ERROR_NULL_ARGUMENT ? 0 : 1;
}
