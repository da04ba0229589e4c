using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace Sterna
{
    // What can be awaited. Tasks end inside Update, like those of the client; a refusal is a SternaException.
    // `timeoutMs` 0 stands for the configuration's, and for 30 s at the least where a room is made, joined or moved.
    public sealed unsafe partial class SternaRoom
    {
        private delegate SternaResult Call(NativeClient* client, NativeScope scope, ulong* number);

        private static readonly Func<RoomResultArgs, ulong> RoomId = result => result.RoomId;
        private static readonly Func<RoomResultArgs, bool> Done = result => result.Status == SternaResult.Ok;
        private static readonly Func<RoomResultArgs, SternaValue> Value = result => result.Value;

        private readonly Dictionary<ulong, RoomRequest> requests = new Dictionary<ulong, RoomRequest>();
        /// <summary>Requests that have worked, whose room_entered or room_exited has not been handed out.</summary>
        private readonly List<RoomRequest> halfway = new List<RoomRequest>();

        /// <summary>Makes a room and joins it; the result is its id. Null stands for the initial configuration.</summary>
        public Task<ulong> CreateAsync(SternaRoomConfig config = null,
            CancellationToken cancellation = default(CancellationToken), uint timeoutMs = 0)
        {
            return Start(RoomRequestKind.Enter, RoomId, cancellation, (native, scope, number) =>
                NativeMethods.sterna_room_create(native, scope.RoomConfig(config), timeoutMs, number));
        }

        /// <summary>Joins this room, wherever it is: the session moves to its node first, if that is another one.</summary>
        public Task<ulong> JoinAsync(ulong roomId, CancellationToken cancellation = default(CancellationToken),
            uint timeoutMs = 0)
        {
            return Start(RoomRequestKind.Enter, RoomId, cancellation, (native, scope, number) =>
                NativeMethods.sterna_room_join(native, roomId, timeoutMs, number));
        }

        /// <summary>
        /// Joins any listed room that fits all conditions (null: any at all), or makes one by <paramref name="config"/>
        /// if that is not null.
        /// </summary>
        public Task<ulong> JoinRandomAsync(IList<SternaRoomCondition> conditions, SternaRoomConfig config,
            CancellationToken cancellation = default(CancellationToken), uint timeoutMs = 0)
        {
            IList<SternaRoomCondition> all = conditions ?? new SternaRoomCondition[0];
            return Start(RoomRequestKind.Enter, RoomId, cancellation, (native, scope, number) =>
                NativeMethods.sterna_room_join_random(
                    native, scope.Conditions(all), (uint)all.Count, scope.RoomConfig(config), timeoutMs, number));
        }

        /// <summary>Leaves the room.</summary>
        public Task LeaveAsync(CancellationToken cancellation = default(CancellationToken), uint timeoutMs = 0)
        {
            return Start(RoomRequestKind.Leave, Done, cancellation, (native, scope, number) =>
                NativeMethods.sterna_room_leave(native, timeoutMs, number));
        }

        /// <summary>Sets a property, of which everybody hears.</summary>
        public Task SetAsync(string key, SternaValue value,
            CancellationToken cancellation = default(CancellationToken), uint timeoutMs = 0)
        {
            return Start(RoomRequestKind.Other, Done, cancellation, (native, scope, number) =>
            {
                NativeValue after = scope.Value(value);
                return NativeMethods.sterna_room_set(native, scope.Text(key), &after, timeoutMs, number);
            });
        }

        /// <summary>Deletes a property.</summary>
        public Task RemoveAsync(string key, CancellationToken cancellation = default(CancellationToken),
            uint timeoutMs = 0)
        {
            return Start(RoomRequestKind.Other, Done, cancellation, (native, scope, number) =>
                NativeMethods.sterna_room_remove(native, scope.Text(key), timeoutMs, number));
        }

        /// <summary>
        /// Sets a property if it is as expected; <see cref="SternaValue.None"/> stands for "not there", on both sides.
        /// So of several who try at the same time one succeeds: the result is whether it was this one.
        /// </summary>
        public Task<bool> CompareAndSetAsync(string key, SternaValue expected, SternaValue value,
            CancellationToken cancellation = default(CancellationToken), uint timeoutMs = 0)
        {
            return Start(RoomRequestKind.Other, Done, cancellation, (native, scope, number) =>
            {
                NativeValue before = scope.Value(expected);
                NativeValue after = scope.Value(value);
                return NativeMethods.sterna_room_compare_and_set(
                    native, scope.Text(key), expected.IsNone ? null : &before, value.IsNone ? null : &after, timeoutMs,
                    number);
            }, SternaResult.PropertyDiffers);
        }

        /// <summary>Adds to a property that is a number of the same type; the result is the sum.</summary>
        public Task<SternaValue> IncrementAsync(string key, SternaValue by,
            CancellationToken cancellation = default(CancellationToken), uint timeoutMs = 0)
        {
            return Start(RoomRequestKind.Other, Value, cancellation, (native, scope, number) =>
            {
                NativeValue more = scope.Value(by);
                return NativeMethods.sterna_room_increment(native, scope.Text(key), &more, timeoutMs, number);
            });
        }

        /// <summary>Asks for a property; <see cref="SternaValue.None"/> if it is not there.</summary>
        public Task<SternaValue> GetAsync(string key, CancellationToken cancellation = default(CancellationToken),
            uint timeoutMs = 0)
        {
            return Start(RoomRequestKind.Other, Value, cancellation, (native, scope, number) =>
                NativeMethods.sterna_room_get(native, scope.Text(key), timeoutMs, number));
        }

        /// <summary>Keeps places for these users; the owner only.</summary>
        public Task ReserveAsync(IList<string> users, CancellationToken cancellation = default(CancellationToken),
            uint timeoutMs = 0)
        {
            return Start(RoomRequestKind.Other, Done, cancellation, (native, scope, number) =>
                NativeMethods.sterna_room_reserve(native, scope.Texts(users), (uint)users.Count, timeoutMs, number));
        }

        /// <summary>Keeps places for these users no longer; the owner only.</summary>
        public Task CancelReservationAsync(IList<string> users,
            CancellationToken cancellation = default(CancellationToken), uint timeoutMs = 0)
        {
            return Start(RoomRequestKind.Other, Done, cancellation, (native, scope, number) =>
                NativeMethods.sterna_room_cancel_reservation(
                    native, scope.Texts(users), (uint)users.Count, timeoutMs, number));
        }

        /// <summary>Removes a member; the owner only.</summary>
        public Task KickAsync(ulong member, CancellationToken cancellation = default(CancellationToken),
            uint timeoutMs = 0)
        {
            return Start(RoomRequestKind.Other, Done, cancellation, (native, scope, number) =>
                NativeMethods.sterna_room_kick(native, member, timeoutMs, number));
        }

        /// <summary>Closes the room; the owner only.</summary>
        public Task CloseAsync(CancellationToken cancellation = default(CancellationToken), uint timeoutMs = 0)
        {
            return Start(RoomRequestKind.Other, Done, cancellation, (native, scope, number) =>
                NativeMethods.sterna_room_close(native, timeoutMs, number));
        }

        /// <summary>
        /// Moves the room to another node, with everybody in it: the answer to OnOffline with InRoom. The owner only.
        /// </summary>
        public Task MigrateAsync(CancellationToken cancellation = default(CancellationToken), uint timeoutMs = 0)
        {
            return Start(RoomRequestKind.Other, Done, cancellation, (native, scope, number) =>
                NativeMethods.sterna_room_send_migrate(native, timeoutMs, number));
        }

        private Task<T> Start<T>(RoomRequestKind kind, Func<RoomResultArgs, T> convert, CancellationToken cancellation,
            Call call, SternaResult alsoFine = SternaResult.Ok)
        {
            var request = new RoomRequest<T>(kind, convert, alsoFine);
            request.Source.Watch(cancellation, client.OnCancelled, client);
            if (cancellation.IsCancellationRequested)
            {
                request.Source.Cancel();
                return request.Source.Task;
            }
            SternaResult result;
            string error = null;
            using (var scope = new NativeScope())
            {
                // The answer may come before the call returns: it must find the request.
                lock (client.Gate)
                {
                    try
                    {
                        ulong number = 0;
                        result = call(client.Native, scope, &number);
                        if (result == SternaResult.Ok)
                        {
                            requests.Add(number, request);
                        }
                    }
                    catch (SternaException refused) // an argument that cannot be passed on
                    {
                        result = refused.Status;
                        error = refused.Message;
                    }
                }
            }
            if (result != SternaResult.Ok)
            {
                request.Source.Fail(result, error ?? client.LastError);
            }
            else
            {
                client.NoteIfCancelled(cancellation);
            }
            return request.Source.Task;
        }

        private void Ended(RoomResultArgs result)
        {
            RoomRequest request;
            lock (client.Gate)
            {
                if (requests.TryGetValue(result.RequestId, out request))
                {
                    requests.Remove(result.RequestId);
                }
                bool waits = request != null && result.Status == SternaResult.Ok &&
                             (request.Kind == RoomRequestKind.Enter && Id != result.RoomId ||
                              request.Kind == RoomRequestKind.Leave && Id != 0);
                if (waits)
                {
                    // Who awaits it wants to find the room as it is then.
                    request.Result = result;
                    halfway.Add(request);
                    request = null;
                }
            }
            try
            {
                SternaClient.Raise(OnRoomResult, result);
            }
            finally
            {
                if (request != null)
                {
                    request.End(result);
                }
            }
        }

        private void Entered(RoomEnteredArgs args)
        {
            List<RoomRequest> done = TakeHalfway(RoomRequestKind.Enter);
            try
            {
                SternaClient.Raise(OnRoomEntered, args);
            }
            finally
            {
                End(done);
            }
        }

        private void Exited(RoomExitedArgs args)
        {
            List<RoomRequest> done = TakeHalfway(RoomRequestKind.Leave);
            try
            {
                SternaClient.Raise(OnRoomExited, args);
            }
            finally
            {
                End(done);
            }
        }

        private static void End(List<RoomRequest> done)
        {
            foreach (RoomRequest request in done)
            {
                request.End(request.Result);
            }
        }

        /// <summary>
        /// The session's end is the room's end. Requests without a result get theirs all the same.
        /// </summary>
        internal void SessionEnded(SternaResult status)
        {
            End(TakeHalfway(RoomRequestKind.Leave));
            foreach (RoomRequest request in TakeHalfway(RoomRequestKind.Enter))
            {
                request.Pending.Fail(status, string.Empty);
            }
        }

        private List<RoomRequest> TakeHalfway(RoomRequestKind kind)
        {
            lock (client.Gate)
            {
                List<RoomRequest> taken = halfway.FindAll(request => request.Kind == kind);
                halfway.RemoveAll(request => request.Kind == kind);
                return taken;
            }
        }

        /// <summary>Moves what was cancelled to the list. Under the client's gate.</summary>
        internal void TakeCancelled(List<Pending> ended)
        {
            foreach (KeyValuePair<ulong, RoomRequest> request in new List<KeyValuePair<ulong, RoomRequest>>(requests))
            {
                if (request.Value.Pending.IsCancelled)
                {
                    requests.Remove(request.Key);
                    ended.Add(request.Value.Pending);
                }
            }
            foreach (RoomRequest request in halfway.FindAll(one => one.Pending.IsCancelled))
            {
                halfway.Remove(request);
                ended.Add(request.Pending);
            }
        }

        /// <summary>Moves everything to the list. Under the client's gate.</summary>
        internal void TakeAll(List<Pending> ended)
        {
            foreach (RoomRequest request in requests.Values)
            {
                ended.Add(request.Pending);
            }
            foreach (RoomRequest request in halfway)
            {
                ended.Add(request.Pending);
            }
            requests.Clear();
            halfway.Clear();
        }
    }
}
