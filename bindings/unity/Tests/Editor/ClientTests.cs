using System;
using System.Threading;
using System.Threading.Tasks;
using NUnit.Framework;

namespace Sterna.Tests
{
    /// <summary>What can be said about a client without a server.</summary>
    public class ClientTests
    {
        [Test]
        public void The_library_fits_and_says_what_results_mean()
        {
            Assert.IsTrue(SternaLibrary.Version.Length > 0);
            Assert.AreEqual("no error", SternaLibrary.Describe(SternaResult.Ok));
        }

        [Test]
        public void A_configuration_has_the_librarys_initial_values()
        {
            var config = new SternaConfig();
            Assert.AreEqual(SternaTransport.Tcp, config.Transport);
            Assert.AreEqual(5000u, config.RequestTimeoutMs);
            Assert.AreEqual(0u, config.SimulatorLossPercent);
            Assert.AreEqual(8u, new SternaRoomConfig().MembersMax);
        }

        [Test]
        public void A_wrong_configuration_is_refused_with_a_text()
        {
            var error = Assert.Throws<SternaException>(
                () => new SternaClient(new SternaConfig { SimulatorLossPercent = 100 }));
            Assert.AreEqual(SternaResult.InvalidArgument, error.Status);
            Assert.IsTrue(error.Message.Contains("simulator_loss_percent"), error.Message);
        }

        [Test]
        public void What_cannot_be_begun_fails_at_once_with_a_text()
        {
            using (var client = new SternaClient())
            {
                Assert.AreEqual(SternaState.Idle, client.State);
                Assert.AreEqual(SternaResult.TokenMalformed, Failure(client.ConnectAsync("no token")).Status);
                Assert.AreEqual(SternaResult.NotConnected, Failure(client.RequestAsync(2, 1, (byte[])null)).Status);
                Assert.AreEqual(SternaResult.NotConnected, Failure(client.Room.JoinAsync(1)).Status);
                Assert.AreEqual(SternaResult.InvalidArgument, Failure(client.Room.GetAsync("a\0b")).Status);
                Assert.AreEqual(SternaResult.NotConnected, Failure(client.MigrateAsync()).Status);
                Assert.IsTrue(client.DisconnectAsync().IsCompleted, "there is nothing to end");
                Assert.AreEqual(SternaResult.NotConnected, client.RSend(2, 1, new byte[1]));
                Assert.AreEqual(SternaResult.NotConnected, client.Room.Sync("key", new byte[1]));
                Assert.AreEqual(SternaResult.InvalidArgument, client.Room.Sync(new string('k', 256), new byte[1]));
            }
        }

        [Test]
        public void What_is_cancelled_before_it_begins_does_not_begin()
        {
            using (var client = new SternaClient())
            {
                var cancelled = new CancellationToken(true);
                Assert.IsTrue(client.ConnectAsync("no token", cancelled).IsCanceled);
                Assert.IsTrue(client.RequestAsync(2, 1, (byte[])null, cancelled).IsCanceled);
                Assert.IsTrue(client.Room.LeaveAsync(cancelled).IsCanceled);
                Assert.AreEqual(SternaState.Idle, client.State);
            }
        }

        [Test]
        public void A_client_that_is_gone_answers_and_does_no_harm()
        {
            var client = new SternaClient();
            client.Dispose();
            client.Dispose();
            Assert.AreEqual(SternaResult.InvalidHandle, client.Update());
            Assert.AreEqual(SternaResult.InvalidHandle, client.RSend(2, 1, new byte[1]));
            Assert.AreEqual(SternaState.Invalid, client.State);
            Assert.AreEqual(0ul, client.Stats.RttUs);
            Assert.AreEqual(0ul, client.Room.Id);
            Assert.AreEqual(SternaResult.InvalidHandle, Failure(client.ConnectAsync("no token")).Status);
        }

        [Test]
        public void Clients_that_were_forgotten_end_with_the_library()
        {
            var client = new SternaClient();
            Assert.AreEqual(SternaResult.Ok, SternaLibrary.Shutdown());
            Assert.AreEqual(SternaResult.InvalidHandle, client.Update());
            client.Dispose();
            using (var next = new SternaClient())
            {
                Assert.AreEqual(SternaResult.Ok, next.Update());
            }
        }

        private static SternaException Failure(Task task)
        {
            Assert.IsTrue(task.IsFaulted, "it has not failed");
            return (SternaException)task.Exception.InnerException;
        }
    }
}
