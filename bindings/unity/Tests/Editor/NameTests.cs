using System;
using System.Reflection;
using NUnit.Framework;

namespace Sterna.Tests
{
    /// <summary>Whatever the library tells can be heard, under the library's own name.</summary>
    public class NameTests
    {
        [Test]
        public void Each_event_of_the_library_has_one_of_its_name()
        {
            foreach (string name in Enum.GetNames(typeof(SternaEventType)))
            {
                bool ofRoom = name.StartsWith("Room", StringComparison.Ordinal);
                EventInfo found = (ofRoom ? typeof(SternaRoom) : typeof(SternaClient)).GetEvent("On" + name);
                Assert.IsTrue(found != null, "there is no event On" + name);
            }
        }

        [Test]
        public void There_are_no_other_events()
        {
            foreach (Type type in new[] { typeof(SternaClient), typeof(SternaRoom) })
            {
                foreach (EventInfo found in type.GetEvents())
                {
                    Assert.IsTrue(Enum.IsDefined(typeof(SternaEventType), found.Name.Substring(2)), found.Name);
                }
            }
        }
    }
}
